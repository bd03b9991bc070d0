/* SPDX-License-Identifier: MIT
 * See repair.h. Both threads look at the state, under its lock. What the
 * process writes is a line for each thing, which begins with what it is:
 *
 *   progress 40 your program       percent, and what is being done
 *   text 05-workers: repaired      the verdict for people, several lines
 *   json {"format": ...}           and for programs
 *
 * All other lines are messages: why there is no verdict, or what went wrong
 * beside. */
#include "page/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/queue.h"
#include "base/spawn.h"
#include "base/thread.h"

enum {
  TIMEOUT_MS = 30 * 60 * 1000,
  GRACE_MS = 1000, /* to end its labs, from TERM to KILL; a lab stops in 2 s */
  LOOK_MS = 5,     /* at a process that writes no more */
  TEXT_MOST = 64 << 10, /* bytes of a verdict, */
  SAID_MOST = 2 << 10,  /* and of messages */
  WHAT_MOST = 80,
  SURE_PERCENT = 5, /* from there on the rest can be estimated */
};

/* What is told of a check. */
typedef struct check_state {
  bool is_begun, is_running, is_stopped, is_late, is_cut;
  int step, percent, status; /* as of waitpid */
  char what[WHAT_MOST];
  lab_buf text, json, said;
  uint64_t began, ended; /* lab_clock_mono */
} check_state;

/* A check that is under way. */
typedef struct check_job {
  lab_page_repair *owner;
  lab_buf words;
  char **argv; /* of WORDS */
  int wake;    /* an eventfd: the check is to end */
  uv_thread_t thread;
  uv_async_t over; /* the thread has ended */
  /* The thread's. */
  pid_t pid;
  int out;           /* what the process writes; -1: no more */
  lab_buf line;      /* its beginning */
  uint64_t deadline; /* then it is told to end, */
  bool is_told;      /* or then, when it was told so, it is killed */
  bool is_long;      /* the line is: the rest of it is dropped */
} check_job;

struct lab_page_repair {
  lab_page_repair_config config;
  check_job *job;       /* NULL: none is under way */
  bool forgets;         /* what it finds */
  pthread_mutex_t lock; /* of: */
  check_state state;
};

/* ---- what the process says ----------------------------------------------- */

static void take_check_message(check_state *state, const char *line) {
  static const char who[] = "diaglab repair: ";
  if (strncmp(line, who, sizeof who - 1) == 0)
    line += sizeof who - 1;
  lab_buf_printf(&state->said, "%s%s", state->said.len ? "\n" : "", line);
}

static void take_check_line(check_state *state, const char *line) {
  int end = 0;
  if (sscanf(line, "progress %d %n", &state->percent, &end) == 1 && end > 0)
    snprintf(state->what, sizeof state->what, "%s", line + end);
  else if (strncmp(line, "text ", 5) == 0)
    lab_buf_printf(&state->text, "%s\n", line + 5);
  else if (strncmp(line, "json ", 5) == 0)
    lab_buf_puts(&state->json, line + 5);
  else if (strncmp(line, "Try 'diaglab ", 13) != 0)
    take_check_message(state, line);
  state->is_cut = state->is_cut || state->text.len > TEXT_MOST ||
                  state->json.len > TEXT_MOST || state->said.len > SAID_MOST;
}

static void note_check_line(check_job *job) {
  lab_page_repair *r = job->owner;
  lab_buf_putc(&job->line, '\0');
  pthread_mutex_lock(&r->lock);
  r->state.is_cut = r->state.is_cut || job->is_long;
  if (!r->state.is_cut)
    take_check_line(&r->state, job->line.data);
  pthread_mutex_unlock(&r->lock);
  lab_buf_clear(&job->line);
  job->is_long = false;
}

static void take_check_bytes(check_job *job, const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] == '\n')
      note_check_line(job);
    else if (job->line.len >= TEXT_MOST)
      job->is_long = true;
    else if (bytes[i] != '\0')
      lab_buf_putc(&job->line, bytes[i]);
  }
}

static void read_check(check_job *job) {
  char bytes[4096];
  ssize_t n = read(job->out, bytes, sizeof bytes);
  if (n > 0) {
    take_check_bytes(job, bytes, (size_t)n);
  } else if (n == 0 || errno != EINTR) {
    close(job->out);
    job->out = -1;
  }
}

/* ---- its thread ---------------------------------------------------------- */

/* It gives back what it has, if there is time for that. */
static void tell_to_end(check_job *job, bool is_late) {
  lab_page_repair *r = job->owner;
  job->is_told = true;
  job->deadline = lab_clock_mono() + GRACE_MS * LAB_MILLISECOND;
  kill(job->pid, SIGTERM);
  pthread_mutex_lock(&r->lock);
  r->state.is_late = is_late;
  r->state.is_stopped = !is_late;
  pthread_mutex_unlock(&r->lock);
}

static void kill_check(check_job *job) {
  kill(job->pid, SIGKILL);
  if (job->out >= 0)
    close(job->out);
  job->out = -1;
}

static int count_ms_left(const check_job *job) {
  uint64_t now = lab_clock_mono();
  uint64_t left = now < job->deadline ? job->deadline - now : 0;
  int ms = (int)(left / LAB_MILLISECOND) + 1;
  return job->out < 0 && ms > LOOK_MS ? LOOK_MS : ms;
}

/* Waits until there is something to do: poll leaves out descriptors below 0. */
static void wait_for_check(check_job *job) {
  struct pollfd fds[] = {
      {.fd = job->out, .events = POLLIN},
      {.fd = job->is_told ? -1 : job->wake, .events = POLLIN}};
  if (poll(fds, 2, count_ms_left(job)) > 0) {
    if (fds[0].revents)
      read_check(job);
    if (fds[1].revents)
      tell_to_end(job, false);
  }
  if (lab_clock_mono() < job->deadline)
    return;
  if (job->is_told)
    kill_check(job);
  else
    tell_to_end(job, true);
}

/* 0 or a negative errno. The process ends with the thread that starts it, so
 * that is this one. */
static int start_check(check_job *job) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return -errno;
  const lab_spawn_self_options options = {.argv = job->argv, .out = ends[1]};
  int rc = lab_spawn_self(&job->pid, &options);
  close(ends[1]);
  if (rc == 0)
    job->out = ends[0];
  else
    close(ends[0]);
  return rc;
}

static void run_page_repair(void *arg) {
  check_job *job = arg;
  check_state *state = &job->owner->state;
  int status = 0;
  pthread_setname_np(pthread_self(), "repair");
  int rc = start_check(job);
  while (rc == 0 && (job->out >= 0 || waitpid(job->pid, &status, WNOHANG) == 0))
    wait_for_check(job);
  pthread_mutex_lock(&job->owner->lock);
  if (rc)
    lab_buf_printf(&state->said, "it couldn't be started: %s", strerror(-rc));
  state->status = status;
  pthread_mutex_unlock(&job->owner->lock);
  uv_async_send(&job->over);
}

/* ---- begin --------------------------------------------------------------- */

static void clear_check_state(check_state *state) {
  lab_buf_free(&state->text);
  lab_buf_free(&state->json);
  lab_buf_free(&state->said);
  *state = (check_state){.is_begun = false};
}

static void free_check_job(check_job *job) {
  if (job->wake >= 0)
    close(job->wake);
  lab_buf_free(&job->words);
  lab_buf_free(&job->line);
  lab_xfree(job->argv);
  lab_xfree(job);
}

static void on_check_closed(uv_handle_t *handle) {
  free_check_job(LAB_CONTAINER((uv_async_t *)handle, check_job, over));
}

static void on_check_over(uv_async_t *async) {
  check_job *job = LAB_CONTAINER(async, check_job, over);
  lab_page_repair *r = job->owner;
  uv_thread_join(&job->thread);
  r->state.is_running = false; /* nobody else looks at it any more */
  r->state.ended = lab_clock_mono();
  if (r->forgets)
    clear_check_state(&r->state);
  r->job = NULL;
  uv_close((uv_handle_t *)async, on_check_closed);
  r->config.ended(r->config.arg);
}

/* job->words as a list. */
static void list_check_words(check_job *job) {
  size_t n = 0;
  const char *end = job->words.data + job->words.len;
  job->argv = lab_xcalloc(job->words.len + 1, sizeof *job->argv);
  for (char *word = job->words.data; word < end; word += strlen(word) + 1)
    job->argv[n++] = word;
}

static check_job *make_check_job(lab_page_repair *r, lab_http_str words,
                                 const char *state) {
  uint64_t ms = r->config.timeout_ms ? r->config.timeout_ms : TIMEOUT_MS;
  check_job *job = lab_xcalloc(1, sizeof *job);
  *job = (check_job){.owner = r,
                     .out = -1,
                     .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                     .deadline = lab_clock_mono() + ms * LAB_MILLISECOND};
  lab_buf_append(&job->words, words.data, words.len);
  lab_buf_printf(&job->words, "--state%c%s%c", '\0', state ? state : "none",
                 '\0');
  list_check_words(job);
  return job;
}

/* 0 or a negative errno; then the job is given back. */
static int start_check_thread(check_job *job) {
  sigset_t before;
  int rc = job->wake < 0 ? -errno : 0;
  if (rc == 0)
    rc = uv_async_init(job->owner->config.loop, &job->over, on_check_over);
  if (rc) {
    free_check_job(job);
    return rc;
  }
  lab_thread_block_signals(&before);
  rc = uv_thread_create(&job->thread, run_page_repair, job);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (rc)
    uv_close((uv_handle_t *)&job->over, on_check_closed);
  return rc;
}

int lab_page_repair_begin(lab_page_repair *r, int step, lab_http_str words,
                          const char *state, lab_err *err) {
  if (r->job)
    return lab_err_set(err, -EBUSY, "a repair is being checked already");
  clear_check_state(&r->state);
  r->state = (check_state){.is_begun = true,
                           .is_running = true,
                           .step = step,
                           .began = lab_clock_mono()};
  r->forgets = false;
  r->job = make_check_job(r, words, state);
  int rc = start_check_thread(r->job);
  if (rc == 0)
    return 0;
  r->job = NULL;
  clear_check_state(&r->state);
  return lab_err_set(err, rc, "the check can't begin: %s", uv_strerror(rc));
}

/* ---- its end ------------------------------------------------------------- */

void lab_page_repair_end(lab_page_repair *r) {
  if (r->job)
    eventfd_write(r->job->wake, 1);
}

void lab_page_repair_forget(lab_page_repair *r, int step) {
  if (step >= 0 && r->state.step != step)
    return;
  if (r->job) {
    r->forgets = true;
    lab_page_repair_end(r);
  } else {
    clear_check_state(&r->state);
  }
}

bool lab_page_repair_is_running(const lab_page_repair *r) {
  return r->job != NULL;
}

/* ---- what is told -------------------------------------------------------- */

static double count_check_seconds(const check_state *s) {
  uint64_t end = s->is_running ? lab_clock_mono() : s->ended;
  return (double)(end - s->began) / 1e9;
}

/* Seconds until the end, or -1: nobody knows yet. */
static double estimate_rest(const check_state *s) {
  if (s->percent < SURE_PERCENT)
    return -1;
  return count_check_seconds(s) * (100 - s->percent) / s->percent;
}

static void explain_check(const check_state *s, lab_buf *out) {
  if (s->is_cut)
    lab_buf_puts(out, "its verdict is too long to be shown here: see it with "
                      "diaglab repair --check");
  else if (s->is_stopped)
    lab_buf_puts(out, "it was ended before there was a verdict");
  else if (s->is_late)
    lab_buf_puts(out, "it took too long, and was ended");
  else if (s->said.len > 0)
    lab_buf_append(out, s->said.data, s->said.len);
  else if (WIFSIGNALED(s->status))
    lab_buf_printf(out, "its process was ended by signal %d",
                   WTERMSIG(s->status));
  else
    lab_buf_printf(out, "its process has ended with exit code %d",
                   WEXITSTATUS(s->status));
}

static bool has_check_verdict(const check_state *s) {
  return s->json.len > 0 && !s->is_cut;
}

static void write_check_progress(const check_state *s, lab_buf *out) {
  double rest = estimate_rest(s);
  lab_buf_printf(out,
                 "step %d: your repair is being checked: %d %% after %.0f "
                 "s",
                 s->step, s->percent, count_check_seconds(s));
  if (rest >= 0)
    lab_buf_printf(out, ", about %.0f s more", rest);
  lab_buf_puts(out, "\n");
}

/* For people. */
static void write_check_text(const check_state *s, lab_buf *out) {
  if (!s->is_begun) {
    lab_buf_puts(out, "no repair was checked yet: POST /lab/api/repair does "
                      "it\n");
  } else if (s->is_running) {
    write_check_progress(s, out);
  } else if (has_check_verdict(s)) {
    lab_buf_append(out, s->text.data, s->text.len);
    if (s->said.len > 0)
      lab_buf_printf(out, "%.*s\n", (int)s->said.len, s->said.data);
  } else {
    lab_buf_printf(out, "step %d: the check has no verdict: ", s->step);
    explain_check(s, out);
    lab_buf_puts(out, "\n");
  }
}

static void write_check_outcome(const check_state *s, lab_json *j) {
  lab_buf text = LAB_BUF_INIT;
  if (has_check_verdict(s)) {
    lab_json_key(j, "report");
    lab_json_raw(j, s->json.data, s->json.len);
    lab_buf_append(&text, s->said.data ? s->said.data : "", s->said.len);
    lab_json_key(j, "note");
  } else {
    explain_check(s, &text);
    lab_json_key(j, "error");
  }
  lab_json_string(j, text.data ? text.data : "", text.len);
  lab_buf_free(&text);
}

static void write_check_figures(const check_state *s, lab_json *j) {
  double rest = estimate_rest(s);
  lab_json_key(j, "step");
  lab_json_int(j, s->step);
  lab_json_key(j, "seconds");
  lab_json_decimal(j, (uint64_t)(count_check_seconds(s) * 1e3), 3);
  if (!s->is_running)
    return;
  lab_json_key(j, "percent");
  lab_json_int(j, s->percent);
  lab_json_key(j, "what");
  lab_json_text(j, s->what);
  lab_json_key(j, "left_s");
  if (rest >= 0)
    lab_json_decimal(j, (uint64_t)(rest * 1e3), 3);
  else
    lab_json_null(j);
}

static void write_check_state(const check_state *s, lab_json *j) {
  lab_buf text = LAB_BUF_INIT;
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  lab_json_key(j, "format");
  lab_json_text(j, "diaglab-repair-check/1");
  lab_json_key(j, "begun");
  lab_json_bool(j, s->is_begun);
  lab_json_key(j, "running");
  lab_json_bool(j, s->is_running);
  if (s->is_begun)
    write_check_figures(s, j);
  if (s->is_begun && !s->is_running)
    write_check_outcome(s, j);
  write_check_text(s, &text);
  lab_json_key(j, "text");
  lab_json_string(j, text.data, text.len);
  lab_buf_free(&text);
  lab_json_end(j);
}

void lab_page_repair_write(lab_page_repair *r, lab_buf *out) {
  lab_json j;
  lab_json_start(&j, out);
  pthread_mutex_lock(&r->lock);
  write_check_state(&r->state, &j);
  pthread_mutex_unlock(&r->lock);
  lab_json_finish(&j);
}

void lab_page_repair_write_text(lab_page_repair *r, lab_buf *out) {
  pthread_mutex_lock(&r->lock);
  write_check_text(&r->state, out);
  pthread_mutex_unlock(&r->lock);
}

lab_page_repair *lab_page_repair_new(const lab_page_repair_config *config) {
  lab_page_repair *r = lab_xcalloc(1, sizeof *r);
  r->config = *config;
  pthread_mutex_init(&r->lock, NULL);
  return r;
}

void lab_page_repair_free(lab_page_repair *r) {
  if (!r)
    return;
  clear_check_state(&r->state);
  pthread_mutex_destroy(&r->lock);
  lab_xfree(r);
}
