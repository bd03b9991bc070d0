/* SPDX-License-Identifier: MIT
 * /status: what the lab is doing, as JSON, for scripts and for pages. Every
 * number is read from what runs when it is asked for. */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/process.h"
#include "script/status.h"
#include "web/handlers.h"

typedef struct status {
  lab_slow slow;
  lab_vm_status vm;   /* as of the request */
  unsigned in_flight; /* likewise */
  lab_process process;
  lab_buf out;
} status;

/* NS since 1970 as RFC 3339 writes it, with milliseconds. */
static void write_time(lab_buf *out, const char *key, uint64_t ns) {
  char text[32];
  struct tm tm;
  time_t seconds = (time_t)(ns / LAB_SECOND);
  gmtime_r(&seconds, &tm);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
  lab_buf_printf(out, "\"%s\": \"%s.%03uZ\"", key, text,
                 (unsigned)(ns % LAB_SECOND / LAB_MILLISECOND));
}

static void write_age(lab_buf *out, const char *key, uint64_t since) {
  uint64_t now = lab_clock_real();
  lab_buf_printf(out, "\"%s\": ", key);
  lab_buf_double(out, now > since ? (double)((now - since) / 1000) / 1e6 : 0);
}

static void write_string(lab_buf *out, const char *key, const char *text,
                         size_t len) {
  lab_buf_printf(out, "\"%s\": ", key);
  lab_buf_json_string(out, text, len);
}

static void write_step(const lab_vm_status *vm, lab_buf *out) {
  lab_buf_printf(out, "\"step\": %d,\n", vm->step.number);
  write_string(out, "slug", vm->step.slug, strlen(vm->step.slug));
  lab_buf_puts(out, ",\n");
  write_string(out, "title", vm->step.title.data ? vm->step.title.data : "",
               vm->step.title.len);
  lab_buf_puts(out, ",\n\"params\": ");
  lab_buf_append(out, vm->step.params.data, vm->step.params.len);
  lab_buf_puts(out, ",\n");
  write_time(out, "since", vm->step.since);
  lab_buf_puts(out, ",\n");
  write_age(out, "seconds_in_step", vm->step.since);
}

/* Its lines after the first two: what Lua calls a stack traceback. */
static void write_stack(const char *text, lab_buf *out) {
  const char *comma = "";
  lab_buf_putc(out, '[');
  while (*text) {
    size_t len = strcspn(text, "\n");
    if (*text == '\t') {
      lab_buf_puts(out, comma);
      lab_buf_json_string(out, text + 1, len - 1);
      comma = ", ";
    }
    text += len + (text[len] == '\n');
  }
  lab_buf_putc(out, ']');
}

static void write_entering(lab_vm_status *vm, lab_buf *out) {
  lab_buf_puts(out, "\"entering\": ");
  if (!vm->entry.what) {
    lab_buf_puts(out, "null");
    return;
  }
  lab_buf_putc(&vm->entry.where, '\0');
  const char *where = vm->entry.where.data;
  lab_buf_printf(out, "{\"step\": %d, ", vm->entry.number);
  write_string(out, "slug", vm->entry.slug, strlen(vm->entry.slug));
  lab_buf_puts(out, ", ");
  write_time(out, "since", vm->entry.since);
  lab_buf_puts(out, ", ");
  write_age(out, "seconds", vm->entry.since);
  lab_buf_puts(out, ", ");
  write_string(out, "state", where, strcspn(where, "\n"));
  lab_buf_puts(out, ", \"stack\": ");
  write_stack(where, out);
  lab_buf_putc(out, '}');
}

static void write_tasks(const lab_vm_status *vm, lab_buf *out) {
  lab_buf_printf(out,
                 "\"tasks\": {\"total\": %zu, \"running\": %zu, \"runnable\": "
                 "%zu, \"waiting\": {",
                 vm->tasks, vm->running, vm->runnable);
  const char *comma = "";
  for (lab_wait why = LAB_WAIT_NONE + 1; why < LAB_WAIT_KINDS; why++)
    if (vm->waiting[why] > 0) {
      lab_buf_printf(out, "%s\"%s\": %zu", comma, lab_wait_name(why),
                     vm->waiting[why]);
      comma = ", ";
    }
  lab_buf_puts(out, "}}");
}

static void write_process(const lab_process *p, lab_buf *out) {
  lab_buf_printf(out, "\"pid\": %d,\n", (int)getpid());
  write_time(out, "started", p->start_ns);
  lab_buf_puts(out, ",\n");
  write_age(out, "uptime_seconds", p->start_ns);
  lab_buf_printf(out, ",\n\"cpu_seconds\": ");
  lab_buf_double(out, (double)(p->cpu_ns / 1000) / 1e6);
  lab_buf_printf(out, ",\n\"fds\": %" PRIu64 ",\n\"threads\": %" PRIu64, p->fds,
                 p->threads);
  lab_buf_printf(out, ",\n\"rss_bytes\": %" PRIu64, p->rss);
}

static void write_limits(const status *s, lab_buf *out) {
  uint64_t fds = s->process.max_fds;
  if (s->vm.fd_limit > 0 && s->vm.fd_limit < fds)
    fds = s->vm.fd_limit;
  lab_buf_printf(out,
                 "\"limits\": {\"memory_bytes\": %zu, \"fds\": %" PRIu64
                 ", \"requests\": %u, \"workers\": %u}",
                 s->vm.memory_limit, fds, s->slow.web->config.queue_max,
                 s->vm.workers.threads);
}

static void run(lab_slow *base) {
  status *s = (status *)base;
  lab_buf *out = &s->out;
  lab_process_read(&s->process);
  lab_buf_puts(out, "{\n");
  write_step(&s->vm, out);
  lab_buf_puts(out, ",\n");
  write_entering(&s->vm, out);
  lab_buf_printf(out,
                 ",\n\"requests\": {\"in_flight\": %u, \"queued\": %zu},\n",
                 s->in_flight, s->vm.queued);
  write_tasks(&s->vm, out);
  lab_buf_puts(out, ",\n");
  write_process(&s->process, out);
  lab_buf_printf(out, ",\n\"step_fds\": %u", s->vm.fds);
  lab_buf_puts(out, ",\n");
  write_limits(s, out);
  lab_buf_puts(out, ",\n");
  const char *version = base->web->config.version;
  write_string(out, "version", version, strlen(version));
  lab_buf_puts(out, "\n}\n");
}

static void cleanup(lab_slow *base) {
  status *s = (status *)base;
  lab_vm_status_free(&s->vm);
  lab_buf_free(&s->out);
}

static void answer(lab_slow *base) {
  lab_http_respond_buf(base->req, 200, "application/json; charset=utf-8", NULL,
                       &((status *)base)->out);
  lab_slow_end(base);
}

void lab_web_status(lab_web *web, lab_http_request *req) {
  if (web->stopping) {
    lab_http_error(req, 503, "the lab is stopping");
    return;
  }
  status *s = lab_xcalloc(1, sizeof *s);
  s->in_flight = web->in_flight;
  lab_vm_read_status(web->config.vm, &s->vm);
  lab_slow_begin(&s->slow, web, req, cleanup);
  lab_slow_work(&s->slow, run, answer);
}
