/* SPDX-License-Identifier: MIT
 * See status.h. It is for scripts and for web pages. Every number is read when
 * it is asked for, from what runs. */
#include "web/status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/process.h"
#include "prof/registry.h"
#include "script/status.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct status {
  lab_slow slow;
  lab_vm_status vm;   /* as of the request */
  unsigned in_flight; /* likewise */
  lab_process process;
  lab_buf out;
} status;

/* A moment, NS since 1970, as RFC 3339 writes it, with milliseconds. */
static void add_status_time(lab_json *j, const char *key, uint64_t ns) {
  char date[LAB_UTC_TEXT], text[LAB_UTC_TEXT + 4];
  lab_clock_write_utc(date, ns);
  snprintf(text, sizeof text, "%.19s.%03uZ", date,
           (unsigned)(ns % LAB_SECOND / LAB_MILLISECOND));
  lab_json_key(j, key);
  lab_json_text(j, text);
}

static void add_status_seconds(lab_json *j, const char *key, uint64_t ns) {
  lab_json_key(j, key);
  lab_json_double(j, (double)(ns / 1000) / 1e6);
}

/* From SINCE, of lab_clock_mono: ages must not depend on who sets the clock. */
static void add_status_age(lab_json *j, const char *key, uint64_t since) {
  uint64_t now = lab_clock_mono();
  add_status_seconds(j, key, now > since ? now - since : 0);
}

static void add_status_number(lab_json *j, const char *key, uint64_t n) {
  lab_json_key(j, key);
  lab_json_uint(j, n);
}

static void add_status_text(lab_json *j, const char *key, const char *text) {
  lab_json_key(j, key);
  lab_json_text(j, text);
}

static void add_status_step(lab_json *j, const lab_vm_status *vm) {
  const lab_buf *title = &vm->step.title;
  lab_json_key(j, "step");
  lab_json_int(j, vm->step.number);
  add_status_text(j, "slug", vm->step.slug);
  lab_json_key(j, "title");
  lab_json_string(j, title->data ? title->data : "", title->len);
  lab_json_key(j, "params");
  lab_json_raw(j, vm->step.params.data, vm->step.params.len);
  lab_json_key(j, "fixed");
  lab_json_bool(j, vm->step.is_other);
  add_status_time(j, "since", vm->step.since);
  add_status_age(j, "seconds_in_step", vm->step.since_mono);
  lab_json_key(j, "profiles");
  lab_registry_write_own(j);
}

/* TEXT is a stack traceback of Lua's; the lines that begin with a tab are its
 * frames. */
static void add_status_stack(lab_json *j, const char *text) {
  lab_json_key(j, "stack");
  lab_json_begin_array(j, LAB_JSON_SPACED);
  while (*text) {
    size_t len = strcspn(text, "\n");
    if (*text == '\t')
      lab_json_string(j, text + 1, len - 1);
    text += len + (text[len] == '\n');
  }
  lab_json_end(j);
}

static void add_status_entering(lab_json *j, lab_vm_status *vm) {
  lab_json_key(j, "entering");
  if (!vm->entry.what) {
    lab_json_null(j);
    return;
  }
  lab_buf_putc(&vm->entry.where, '\0');
  const char *where = vm->entry.where.data;
  lab_json_begin_object(j, LAB_JSON_SPACED);
  lab_json_key(j, "step");
  lab_json_int(j, vm->entry.number);
  add_status_text(j, "slug", vm->entry.slug);
  add_status_time(j, "since", vm->entry.since);
  add_status_age(j, "seconds", vm->entry.since_mono);
  lab_json_key(j, "state");
  lab_json_string(j, where, strcspn(where, "\n"));
  add_status_stack(j, where);
  lab_json_end(j);
}

static void add_status_requests(lab_json *j, const status *s) {
  lab_json_key(j, "requests");
  lab_json_begin_object(j, LAB_JSON_SPACED);
  add_status_number(j, "in_flight", s->in_flight);
  add_status_number(j, "queued", s->vm.queued);
  lab_json_end(j);
}

static void add_status_tasks(lab_json *j, const lab_vm_status *vm) {
  lab_json_key(j, "tasks");
  lab_json_begin_object(j, LAB_JSON_SPACED);
  add_status_number(j, "total", vm->tasks);
  add_status_number(j, "running", vm->running);
  add_status_number(j, "runnable", vm->runnable);
  lab_json_key(j, "waiting");
  lab_json_begin_object(j, LAB_JSON_SPACED);
  for (lab_wait why = LAB_WAIT_NONE + 1; why < LAB_WAIT_KINDS; why++)
    if (vm->waiting[why] > 0)
      add_status_number(j, lab_wait_name(why), vm->waiting[why]);
  lab_json_end(j);
  lab_json_end(j);
}

static void add_status_process(lab_json *j, const lab_process *p) {
  add_status_number(j, "pid", (uint64_t)getpid());
  add_status_time(j, "started", p->start_ns);
  add_status_seconds(j, "uptime_seconds", p->age_ns);
  add_status_seconds(j, "cpu_seconds", p->cpu_ns);
  add_status_number(j, "fds", p->fds);
  add_status_number(j, "threads", p->threads);
  add_status_number(j, "rss_bytes", p->rss);
}

static void add_status_limits(lab_json *j, const status *s) {
  uint64_t fds = s->process.max_fds;
  if (s->vm.fd_limit > 0 && s->vm.fd_limit < fds)
    fds = s->vm.fd_limit;
  lab_json_key(j, "limits");
  lab_json_begin_object(j, LAB_JSON_SPACED);
  add_status_number(j, "memory_bytes", s->vm.memory_limit);
  add_status_number(j, "fds", fds);
  add_status_number(j, "requests", s->slow.web->config.queue_max);
  add_status_number(j, "workers", s->vm.workers.threads);
  lab_json_end(j);
}

static void write_status(lab_slow *base) {
  status *s = (status *)base;
  lab_json j;
  lab_process_read(&s->process);
  lab_json_start(&j, &s->out);
  lab_json_begin_object(&j, LAB_JSON_LINES);
  add_status_step(&j, &s->vm);
  add_status_entering(&j, &s->vm);
  add_status_requests(&j, s);
  add_status_tasks(&j, &s->vm);
  add_status_process(&j, &s->process);
  add_status_number(&j, "step_fds", s->vm.fds);
  add_status_limits(&j, s);
  add_status_text(&j, "version", base->web->config.version);
  lab_json_end(&j);
  lab_json_finish(&j);
}

static void free_status(lab_slow *base) {
  status *s = (status *)base;
  lab_vm_status_free(&s->vm);
  lab_buf_free(&s->out);
}

static void answer_status(lab_slow *base) {
  lab_http_respond_buf(base->req, 200, LAB_WEB_JSON, NULL,
                       &((status *)base)->out);
  lab_slow_end(base);
}

void lab_web_status(lab_web *web, lab_http_request *req) {
  if (web->stopping) {
    lab_http_error(req, 503, "the lab is stopping");
    return;
  }
  status *s = lab_xcalloc(1, sizeof *s);
  s->in_flight = lab_web_in_flight(web);
  lab_vm_read_status(web->config.vm, &s->vm);
  lab_slow_begin(&s->slow, web, req, free_status);
  lab_slow_work_at_once(&s->slow, write_status, answer_status);
}
