/* SPDX-License-Identifier: MIT
 * See load.h. A load has one phase or two: the plan's `first`, then the plan.
 * Its two timers are there until the end; a phase's other handles are closed
 * when it ends. */
#include "load/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"
#include "load/group.h"

enum { TIMERS = 2, TICKS_PER_TIMEOUT = 20, TICK_MAX_MS = 50 };

static void begin_phase(lab_load *load);

/* ---- the end ------------------------------------------------------------- */

/* If the plan wasn't begun, because it was cancelled before or its `first`
 * found nobody: nothing was seen but that. */
static void report_load(lab_load *load) {
  lab_load_result result = {.latency = load->groups[0].latency};
  lab_hdr *empty = NULL;
  if (load->ngroups > 0 && !load->is_first)
    result = load->groups[0].seen;
  else
    result.latency = empty = lab_hdr_new();
  if (!result.error[0])
    memcpy(result.error, load->error, sizeof result.error);
  result.cancelled = load->is_cancelled;
  load->config.done(load->config.arg, &result);
  lab_xfree(empty);
}

static void free_groups(lab_load *load) {
  for (unsigned i = 0; i < load->ngroups; i++)
    load_group_free(&load->groups[i]);
  load->ngroups = 0;
}

static void on_load_timer_closed(uv_handle_t *handle) {
  load_user_gone(handle->data);
}

static void close_load_timers(lab_load *load) {
  load->is_closing = true;
  uv_close((uv_handle_t *)&load->ticker, on_load_timer_closed);
  uv_close((uv_handle_t *)&load->progress, on_load_timer_closed);
}

/* A phase that is ending has closed all its handles. */
static void end_phase(lab_load *load) {
  bool is_next = load->is_first && !load->is_cancelled && load->has_connected;
  load->is_ending = false;
  if (is_next) {
    free_groups(load);
    load->is_first = false;
    begin_phase(load);
  } else {
    if (load->is_first && !load->error[0])
      memcpy(load->error, load->groups[0].seen.error, sizeof load->error);
    close_load_timers(load);
  }
}

void load_user_gone(lab_load *load) {
  load->users--;
  if (load->is_closing && load->users == 0) {
    report_load(load);
    free_groups(load);
    lab_xfree(load);
  } else if (load->is_ending && load->users == TIMERS) {
    end_phase(load);
  }
}

static void on_load_tick(uv_timer_t *timer) {
  lab_load *load = timer->data;
  if (load->is_ending && load->users == TIMERS)
    end_phase(load); /* there was nothing to close */
  for (unsigned i = 0; i < load->ngroups && !load->is_ending; i++)
    load_group_tick(&load->groups[i], lab_clock_mono());
}

/* Ends what is running. The groups stay until their handles are closed: who
 * calls this may be in the middle of one of them. */
static void stop_phase(lab_load *load) {
  load->is_ending = true;
  for (unsigned i = 0; i < load->ngroups; i++)
    load_group_stop(&load->groups[i]);
  uv_timer_start(&load->ticker, on_load_tick, 0, 1);
}

void load_group_done(load_group *g) {
  if (g == &g->load->groups[0] && !g->load->is_ending)
    stop_phase(g->load);
}

void lab_load_cancel(lab_load *load) {
  load->is_cancelled = true;
  uv_cancel((uv_req_t *)&load->lookup); /* does nothing if it has ended */
  if (!load->is_ending && !load->is_closing)
    stop_phase(load);
}

/* ---- phases -------------------------------------------------------------- */

static void fail_load(lab_load *load, const char *what, int rc) {
  snprintf(load->error, sizeof load->error, "%s: %s", what, uv_strerror(rc));
  stop_phase(load);
}

static int open_group(lab_load *load, const lab_load_plan *plan) {
  return load_group_open(&load->groups[load->ngroups++], load, plan);
}

/* How often it is looked whether a request has waited too long. */
static uint64_t find_tick_ms(const lab_load *load) {
  uint64_t ms = TICK_MAX_MS;
  for (unsigned i = 0; i < load->ngroups; i++) {
    uint64_t part =
        load->groups[i].plan.timeout_ns / TICKS_PER_TIMEOUT / LAB_MILLISECOND;
    ms = part < ms ? part : ms;
  }
  return ms > 0 ? ms : 1;
}

static void begin_phase(lab_load *load) {
  const lab_load_plan *plan = load->config.plan;
  const lab_load_plan *beside = load->is_first ? NULL : plan->beside;
  int rc = open_group(load, load->is_first ? plan->first : plan);
  if (rc == 0 && beside)
    rc = open_group(load, beside);
  if (rc) {
    fail_load(load, "timer", rc);
    return;
  }
  uint64_t ms = find_tick_ms(load);
  uv_timer_start(&load->ticker, on_load_tick, ms, ms);
  for (unsigned i = load->ngroups; i-- > 0 && !load->is_ending;)
    load_group_begin(&load->groups[i], i > 0);
}

/* ---- the beginning ------------------------------------------------------- */

static void keep_address(lab_load *load, const struct sockaddr *address,
                         size_t size) {
  if (load->naddresses == LOAD_ADDRESSES)
    return;
  memcpy(&load->addresses[load->naddresses++], address, size);
}

static void on_load_host_found(uv_getaddrinfo_t *lookup, int status,
                               struct addrinfo *found) {
  lab_load *load = LAB_CONTAINER(lookup, lab_load, lookup);
  for (struct addrinfo *a = found; a; a = a->ai_next)
    keep_address(load, a->ai_addr, a->ai_addrlen);
  uv_freeaddrinfo(found);
  if (load->is_ending || load->is_closing) {
    load_user_gone(load);
    return;
  }
  load->users--;
  if (status < 0) {
    char what[sizeof load->url.host + 16];
    snprintf(what, sizeof what, "lookup %s", load->url.host);
    fail_load(load, what, status);
  } else {
    begin_phase(load);
  }
}

/* Numbers need no lookup, which would begin threads. */
static bool take_number_as_address(lab_load *load) {
  struct sockaddr_in in4;
  struct sockaddr_in6 in6;
  int port = 0;
  sscanf(load->url.port, "%d", &port);
  if (uv_ip4_addr(load->url.host, port, &in4) == 0)
    keep_address(load, (const struct sockaddr *)&in4, sizeof in4);
  else if (uv_ip6_addr(load->url.host, port, &in6) == 0)
    keep_address(load, (const struct sockaddr *)&in6, sizeof in6);
  return load->naddresses > 0;
}

static int begin_lookup(lab_load *load, lab_err *err) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_NUMERICSERV};
  if (take_number_as_address(load))
    return 0;
  int rc = uv_getaddrinfo(load->loop, &load->lookup, on_load_host_found,
                          load->url.host, load->url.port, &hints);
  if (rc)
    return lab_err_set(err, -EINVAL, "lookup %s: %s", load->url.host,
                       uv_strerror(rc));
  return 0;
}

static void on_load_progress(uv_timer_t *timer) {
  lab_load *load = timer->data;
  const load_group *g = &load->groups[0];
  if (load->ngroups == 0 || load->is_first || load->is_ending)
    return;
  lab_load_result so_far = g->seen;
  so_far.elapsed_ns = lab_clock_mono() - g->begin_ns;
  load->config.progress(load->config.arg, &so_far);
}

/* The phase begins from the loop, so that done is never called from begin. */
static void on_load_begin(uv_timer_t *timer) {
  begin_phase(timer->data);
}

static void open_load_timers(lab_load *load) {
  uv_timer_init(load->loop, &load->ticker);
  uv_timer_init(load->loop, &load->progress);
  load->ticker.data = load->progress.data = load;
  load->users = TIMERS;
  if (load->config.progress_ms && load->config.progress)
    uv_timer_start(&load->progress, on_load_progress, load->config.progress_ms,
                   load->config.progress_ms);
}

lab_load *lab_load_begin(uv_loop_t *loop, const lab_load_config *config,
                         lab_err *err) {
  if (lab_load_plan_check(config->plan, err))
    return NULL;
  lab_load *load = lab_xcalloc(1, sizeof *load);
  load->loop = loop;
  load->config = *config;
  load->is_first = config->plan->first != NULL;
  const char *wrong = lab_http_url_split(&load->url, config->url);
  if (wrong)
    lab_err_set(err, -EINVAL, "%s: %s", config->url, wrong);
  if (wrong || begin_lookup(load, err)) {
    lab_xfree(load);
    return NULL;
  }
  bool is_looking = load->naddresses == 0;
  open_load_timers(load);
  load->users += is_looking;
  if (!is_looking)
    uv_timer_start(&load->ticker, on_load_begin, 0, 0);
  return load;
}

int lab_load_run(const lab_load_config *config, lab_err *err) {
  uv_loop_t loop;
  int rc = uv_loop_init(&loop);
  if (rc)
    return lab_err_set(err, rc, "event loop: %s", uv_strerror(rc));
  if (!lab_load_begin(&loop, config, err))
    rc = -EINVAL;
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return rc;
}
