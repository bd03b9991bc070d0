/* SPDX-License-Identifier: MIT
 * See load.h. Both threads look at the state, under its lock; a load that runs
 * has handles of its own in the control thread's loop, which are closed when
 * its thread has ended. */
#include "page/load.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/json.h"
#include "base/queue.h"
#include "base/thread.h"
#include "http/query.h"
#include "load/load.h"

enum { PROGRESS_MS = 500, BARS = 40, TEXTS = 9 /* of three plans */ };

/* One bar of the histogram. */
typedef struct bar {
  uint64_t to_ns, count;
} bar;

/* What a load has seen, as it is told. */
typedef struct load_state {
  bool is_begun, is_running, is_cancelled;
  lab_load_result seen; /* without its latency, which is: */
  uint64_t p50, p90, p99, greatest;
  bar bars[BARS];
  size_t nbars;
} load_state;

/* A load that runs. */
typedef struct load_job {
  lab_page_load *owner;
  lab_load_plan plan, first, beside;
  lab_buf texts[TEXTS]; /* of the plans */
  size_t ntexts;
  char url[128];
  uv_thread_t thread;
  uv_async_t over; /* in the control thread's loop: the thread has ended */
  /* The thread's. */
  uv_loop_t loop;
  uv_async_t cancel;
  lab_load *load; /* NULL once it is done */
} load_job;

struct lab_page_load {
  uv_loop_t *loop;
  void (*ended)(void *arg);
  void *arg;
  load_job *job; /* NULL: none runs */
  bool has_news;
  pthread_mutex_t lock; /* of: */
  load_state state;
  bool is_cancellable; /* job->cancel is there */
};

/* ---- the plan ------------------------------------------------------------ */

/* One pair of the form; lua/page_api.lua has checked the numbers. */
static void take_form_number(lab_load_plan *plan, const char *key,
                             const char *text) {
  double number = 0;
  lab_decimal_read(text, &number);
  if (strcmp(key, "requests") == 0)
    plan->requests = (uint64_t)number;
  else if (strcmp(key, "seconds") == 0)
    plan->duration_ns = lab_load_plan_ns(number);
  else if (strcmp(key, "clients") == 0)
    plan->clients = (unsigned)number;
  else if (strcmp(key, "rate") == 0)
    plan->rate = number;
  else if (strcmp(key, "timeout") == 0)
    plan->timeout_ns = lab_load_plan_ns(number);
}

/* The same, if it is a text, whose memory is taken then. */
static bool take_form_text(load_job *job, lab_load_plan *plan, const char *key,
                           lab_buf *value) {
  const char **to = strcmp(key, "path") == 0     ? &plan->path
                    : strcmp(key, "method") == 0 ? &plan->method
                                                 : NULL;
  bool is_body = strcmp(key, "body") == 0;
  if ((!to && !is_body) || job->ntexts == TEXTS)
    return false;
  if (is_body) {
    plan->body = value->data;
    plan->body_len = value->len - 1; /* without the final 0 */
  } else {
    *to = value->data;
  }
  job->texts[job->ntexts++] = *value;
  *value = (lab_buf)LAB_BUF_INIT;
  return true;
}

/* "first.clients" is a key of the plan `first`. */
static lab_load_plan *choose_plan(load_job *job, const char **key) {
  const char *dot = strchr(*key, '.');
  if (!dot)
    return &job->plan;
  bool is_first = strncmp(*key, "first.", 6) == 0;
  *key = dot + 1;
  if (is_first)
    job->plan.first = &job->first;
  else
    job->plan.beside = &job->beside;
  return is_first ? &job->first : &job->beside;
}

/* Of a value with a 0 within only a body isn't cut there. */
static bool is_plan_value_whole(const char *key, const lab_buf *value) {
  return strcmp(key, "body") == 0 || strlen(value->data) == value->len - 1;
}

static int read_plan(load_job *job, lab_http_str form, lab_err *err) {
  static const char agent[] = "User-Agent: diaglab-load\r\n";
  lab_buf name = LAB_BUF_INIT, value = LAB_BUF_INIT;
  int rc = 0;
  job->plan.headers = job->first.headers = job->beside.headers = agent;
  while (rc == 0 && lab_http_next_pair(&form, &name, &value) > 0) {
    lab_buf_putc(&name, '\0');
    lab_buf_putc(&value, '\0');
    const char *key = name.data;
    lab_load_plan *plan = choose_plan(job, &key);
    if (!is_plan_value_whole(key, &value))
      rc = lab_err_set(err, -EINVAL, "%s has a zero byte", key);
    else if (!take_form_text(job, plan, key, &value))
      take_form_number(plan, key, value.data);
  }
  lab_buf_free(&name);
  lab_buf_free(&value);
  return rc;
}

/* ---- the load's thread --------------------------------------------------- */

/* Six bounds for each power of ten, from 10 us on. */
static uint64_t find_bar_bound(unsigned i) {
  static const unsigned tenths[] = {10, 15, 20, 30, 50, 70};
  uint64_t bound = 1000;
  for (unsigned decade = i / 6; decade > 0; decade--)
    bound *= 10;
  return bound * tenths[i % 6];
}

/* If there are too many bars, the first one stands for the lowest of them. */
static size_t fill_bars(const lab_hdr *h, bar bars[BARS]) {
  enum { BOUNDS = 54 };
  uint64_t before = 0;
  size_t n = 0;
  for (unsigned i = 0; i < BOUNDS && before < h->count; i++) {
    uint64_t bound = find_bar_bound(i);
    if (bound < h->least && i + 1 < BOUNDS)
      continue;
    uint64_t to = bound >= h->greatest ? h->count : lab_hdr_count_to(h, bound);
    if (n == BARS) {
      bars[1].count += bars[0].count;
      memmove(bars, bars + 1, (BARS - 1) * sizeof *bars);
      n--;
    }
    bars[n++] = (bar){bound, to - before};
    before = to;
  }
  return n;
}

static void note_load(load_job *job, const lab_load_result *seen, bool over) {
  load_state state = {.is_begun = true, .is_running = true, .seen = *seen};
  const lab_hdr *h = seen->latency;
  state.seen.latency = NULL;
  state.is_cancelled = over && seen->cancelled;
  state.p50 = lab_hdr_percentile(h, 50);
  state.p90 = lab_hdr_percentile(h, 90);
  state.p99 = lab_hdr_percentile(h, 99);
  state.greatest = h->greatest;
  state.nbars = fill_bars(h, state.bars);
  pthread_mutex_lock(&job->owner->lock);
  job->owner->state = state;
  pthread_mutex_unlock(&job->owner->lock);
}

static void on_page_load_progress(void *arg, const lab_load_result *so_far) {
  note_load(arg, so_far, false);
}

static void on_page_load_done(void *arg, const lab_load_result *result) {
  load_job *job = arg;
  job->load = NULL;
  note_load(job, result, true);
  pthread_mutex_lock(&job->owner->lock);
  job->owner->is_cancellable = false;
  pthread_mutex_unlock(&job->owner->lock);
  uv_close((uv_handle_t *)&job->cancel, NULL);
}

static void on_page_load_cancel(uv_async_t *async) {
  load_job *job = LAB_CONTAINER(async, load_job, cancel);
  if (job->load)
    lab_load_cancel(job->load);
}

static void run_page_load(void *arg) {
  load_job *job = arg;
  pthread_setname_np(pthread_self(), "load");
  uv_run(&job->loop, UV_RUN_DEFAULT);
  uv_loop_close(&job->loop);
  uv_async_send(&job->over);
}

/* ---- begin --------------------------------------------------------------- */

static void free_job(load_job *job) {
  for (size_t i = 0; i < job->ntexts; i++)
    lab_buf_free(&job->texts[i]);
  lab_xfree(job);
}

static void on_job_closed(uv_handle_t *handle) {
  free_job(LAB_CONTAINER((uv_async_t *)handle, load_job, over));
}

static void on_page_load_over(uv_async_t *async) {
  load_job *job = LAB_CONTAINER(async, load_job, over);
  lab_page_load *l = job->owner;
  uv_thread_join(&job->thread);
  pthread_mutex_lock(&l->lock);
  l->state.is_running = false;
  pthread_mutex_unlock(&l->lock);
  l->job = NULL;
  l->has_news = true;
  uv_close((uv_handle_t *)async, on_job_closed);
  l->ended(l->arg);
}

/* The load in a loop of its own, which the thread will run. */
static int open_job_loop(load_job *job, lab_err *err) {
  int rc = uv_loop_init(&job->loop);
  if (rc)
    return lab_err_set(err, rc, "the load has no event loop: %s",
                       uv_strerror(rc));
  rc = uv_async_init(&job->loop, &job->cancel, on_page_load_cancel);
  if (rc) {
    uv_loop_close(&job->loop);
    return lab_err_set(err, rc, "the load has no event loop: %s",
                       uv_strerror(rc));
  }
  const lab_load_config config = {.url = job->url,
                                  .plan = &job->plan,
                                  .progress_ms = PROGRESS_MS,
                                  .progress = on_page_load_progress,
                                  .done = on_page_load_done,
                                  .arg = job};
  job->load = lab_load_begin(&job->loop, &config, err);
  if (job->load)
    return 0;
  uv_close((uv_handle_t *)&job->cancel, NULL);
  uv_run(&job->loop, UV_RUN_DEFAULT);
  uv_loop_close(&job->loop);
  return -EINVAL;
}

/* Runs a load that can't have a thread to its end, which is at once. */
static void drop_job_loop(load_job *job) {
  lab_load_cancel(job->load);
  uv_run(&job->loop, UV_RUN_DEFAULT);
  uv_loop_close(&job->loop);
}

static int start_job_thread(load_job *job, lab_err *err) {
  sigset_t before;
  int rc = uv_async_init(job->owner->loop, &job->over, on_page_load_over);
  if (rc)
    return lab_err_set(err, rc, "the load can't begin: %s", uv_strerror(rc));
  lab_thread_block_signals(&before);
  rc = uv_thread_create(&job->thread, run_page_load, job);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (rc == 0)
    return 0;
  lab_err_set(err, rc, "the load has no thread: %s", uv_strerror(rc));
  drop_job_loop(job);
  uv_close((uv_handle_t *)&job->over, on_job_closed);
  return rc;
}

static void begin_load_state(lab_page_load *l) {
  pthread_mutex_lock(&l->lock);
  l->state = (load_state){.is_begun = true, .is_running = true};
  l->is_cancellable = true;
  pthread_mutex_unlock(&l->lock);
  l->has_news = true;
}

int lab_page_load_begin(lab_page_load *l, const char *url, lab_http_str plan,
                        lab_err *err) {
  if (l->job)
    return lab_err_set(err, -EBUSY, "a load runs already");
  load_job *job = lab_xcalloc(1, sizeof *job);
  job->owner = l;
  snprintf(job->url, sizeof job->url, "%s", url);
  int rc = read_plan(job, plan, err);
  if (rc == 0)
    rc = open_job_loop(job, err);
  if (rc) {
    free_job(job);
    return rc;
  }
  l->job = job;
  begin_load_state(l);
  rc = start_job_thread(job, err);
  if (rc) {
    l->job = NULL;
    l->state = (load_state){.is_begun = false};
  }
  return rc;
}

/* ---- the rest ------------------------------------------------------------ */

void lab_page_load_end(lab_page_load *l) {
  pthread_mutex_lock(&l->lock);
  if (l->is_cancellable)
    uv_async_send(&l->job->cancel);
  pthread_mutex_unlock(&l->lock);
}

bool lab_page_load_is_running(const lab_page_load *l) {
  return l->job != NULL;
}

bool lab_page_load_has_news(lab_page_load *l) {
  bool has_news = l->has_news || l->job;
  l->has_news = false;
  return has_news;
}

static void write_load_seconds(lab_json *j, const char *key, uint64_t ns) {
  lab_json_key(j, key);
  lab_json_decimal(j, ns / 1000, 6);
}

static void write_load_count(lab_json *j, const char *key, uint64_t n) {
  lab_json_key(j, key);
  lab_json_uint(j, n);
}

static uint64_t write_load_statuses(lab_json *j, const uint64_t status[6]) {
  static const char *const names[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
  uint64_t answered = 0;
  lab_json_key(j, "status");
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  for (int i = 1; i < 6; i++) {
    answered += status[i];
    if (status[i] > 0)
      write_load_count(j, names[i], status[i]);
  }
  lab_json_end(j);
  return answered;
}

static void write_load_bars(lab_json *j, const load_state *s) {
  lab_json_key(j, "histogram");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < s->nbars; i++) {
    lab_json_begin_array(j, LAB_JSON_COMPACT);
    lab_json_double(j, (double)(s->bars[i].to_ns / 1000) / 1e6);
    lab_json_uint(j, s->bars[i].count);
    lab_json_end(j);
  }
  lab_json_end(j);
}

static void write_load_state(const load_state *s, lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "running");
  lab_json_bool(j, s->is_running);
  lab_json_key(j, "begun");
  lab_json_bool(j, s->is_begun);
  lab_json_key(j, "stopped");
  lab_json_bool(j, s->is_cancelled);
  write_load_count(j, "sent", s->seen.sent);
  uint64_t answered = write_load_statuses(j, s->seen.status);
  write_load_count(j, "answered", answered);
  write_load_count(j, "timeouts", s->seen.timeouts);
  write_load_count(j, "errors", s->seen.status[0] - s->seen.timeouts);
  write_load_count(j, "unsent", s->seen.unsent);
  lab_json_key(j, "error");
  lab_json_string(j, s->seen.error, strnlen(s->seen.error, 120));
  write_load_seconds(j, "elapsed_s", s->seen.elapsed_ns);
  write_load_seconds(j, "p50_s", s->p50);
  write_load_seconds(j, "p90_s", s->p90);
  write_load_seconds(j, "p99_s", s->p99);
  write_load_seconds(j, "max_s", s->greatest);
  write_load_bars(j, s);
  lab_json_end(j);
}

void lab_page_load_write(lab_page_load *l, lab_buf *out) {
  lab_json j;
  pthread_mutex_lock(&l->lock);
  load_state state = l->state;
  pthread_mutex_unlock(&l->lock);
  lab_json_start(&j, out);
  write_load_state(&state, &j);
  lab_json_finish(&j);
}

lab_page_load *lab_page_load_new(uv_loop_t *loop, void (*ended)(void *arg),
                                 void *arg) {
  lab_page_load *l = lab_xcalloc(1, sizeof *l);
  l->loop = loop;
  l->ended = ended;
  l->arg = arg;
  pthread_mutex_init(&l->lock, NULL);
  return l;
}

void lab_page_load_free(lab_page_load *l) {
  if (!l)
    return;
  pthread_mutex_destroy(&l->lock);
  lab_xfree(l);
}
