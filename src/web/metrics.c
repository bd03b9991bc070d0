/* SPDX-License-Identifier: MIT
 * See metrics.h. There are three groups of metrics: those that a Go program
 * has, under the names that client_golang uses, so that ready-made dashboards
 * work; those of the lab, whose names begin with diaglab_; and the scenario's
 * own. */
#include "web/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/process.h"
#include "mem/mem.h"
#include "mem/memstats.h"
#include "script/status.h"
#include "vm/gc.h"
#include "web/exposition.h"
#include "web/keep.h"
#include "web/pack.h"
#include "web/since.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct metrics {
  const lab_metrics_facts *facts;
  lab_memstats mem;
  lab_process process;
} metrics;

/* ---- Go's ---------------------------------------------------------------- */

/* Numbers that are only copied. Metrics have times in seconds, so SCALE is 1e-9
 * for a field in ns. */
typedef struct field {
  const char *type, *name, *help;
  size_t offset; /* of a uint64_t in lab_memstats */
  double scale;
} field;

#define FIELD(type, name, member, help)                                        \
  { type, "go_memstats_" name, help, offsetof(lab_memstats, member), 1 }

static const field fields[] = {
    FIELD("gauge", "alloc_bytes", alloc, "Bytes of heap in use."),
    /* OpenMetrics drops the _total of a counter's family, and would then have
     * two families of the same name. So it is no counter. */
    FIELD("unknown", "alloc_bytes_total", total_alloc,
          "Bytes of heap ever allocated."),
    FIELD("gauge", "sys_bytes", sys, "Bytes obtained from the system."),
    FIELD("counter", "lookups_total", lookups, "Always 0, as in Go."),
    FIELD("counter", "mallocs_total", mallocs, "Blocks ever allocated."),
    FIELD("counter", "frees_total", frees, "Blocks ever freed."),
    FIELD("gauge", "heap_alloc_bytes", heap_alloc, "Bytes of heap in use."),
    FIELD("gauge", "heap_sys_bytes", heap_sys,
          "The most memory that the heap has had at one time, in bytes."),
    FIELD("gauge", "heap_idle_bytes", heap_idle,
          "Bytes of heap pages without any block."),
    FIELD("gauge", "heap_inuse_bytes", heap_inuse,
          "Bytes of heap pages with at least one block."),
    FIELD("gauge", "heap_released_bytes", heap_released,
          "Bytes of idle pages that were given back to the system."),
    FIELD("gauge", "heap_objects", heap_objects, "Blocks in use."),
    FIELD("gauge", "stack_inuse_bytes", stack_inuse,
          "Bytes of the threads' C stacks."),
    FIELD("gauge", "stack_sys_bytes", stack_sys,
          "Bytes of the threads' C stacks."),
    FIELD("gauge", "mspan_inuse_bytes", mspan_inuse,
          "Bytes of the allocator's own structures."),
    FIELD("gauge", "mspan_sys_bytes", mspan_sys,
          "Address space of the allocator's own structures."),
    FIELD("gauge", "mcache_inuse_bytes", mcache_inuse,
          "Bytes of free blocks in the threads' caches."),
    FIELD("gauge", "mcache_sys_bytes", mcache_sys,
          "Always 0: the caches are part of the heap."),
    FIELD("gauge", "buck_hash_sys_bytes", buck_hash_sys,
          "Bytes of the profilers' tables."),
    FIELD("gauge", "gc_sys_bytes", gc_sys,
          "Bytes of what is known about sampled blocks."),
    FIELD("gauge", "other_sys_bytes", other_sys,
          "Address space of what libraries have allocated."),
    FIELD("gauge", "next_gc_bytes", next_gc,
          "Bytes of heap in use at which the next collection begins."),
    {"gauge", "go_memstats_last_gc_time_seconds",
     "When the last collection ended, since 1970.",
     offsetof(lab_memstats, last_gc), 1e-9},
};

static void write_heap_metrics(const lab_memstats *s, lab_exposition *e) {
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const char *at = (const char *)s + fields[i].offset;
    double value = (double)*(const uint64_t *)(const void *)at;
    lab_exposition_one(e, fields[i].type, fields[i].name, fields[i].help,
                       value * fields[i].scale);
  }
  lab_exposition_one(e, "gauge", "go_memstats_gc_cpu_fraction",
                     "The collector's part of the CPU time so far.",
                     s->gc_cpu_fraction);
}

static int compare_pauses(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Quantiles of the last 256 pauses, as in Go. */
static void write_pauses(const lab_memstats *s, lab_exposition *e) {
  uint64_t pauses[LAB_MEMSTATS_PAUSES];
  size_t n = s->num_gc < LAB_MEMSTATS_PAUSES ? s->num_gc : LAB_MEMSTATS_PAUSES;
  memcpy(pauses, s->pause_ns, sizeof pauses);
  qsort(pauses, n, sizeof *pauses, compare_pauses);
  lab_exposition_family(e, "summary", "go_gc_duration_seconds",
                        "How long collections kept the scenario waiting.");
  for (size_t i = 0; i <= 4; i++) {
    double ns = n > 0 ? (double)pauses[(n - 1) * i / 4] : 0;
    lab_exposition_quantile(e, (double)i / 4, ns / 1e9);
  }
  lab_exposition_part(e, "_sum", "", (double)s->pause_total_ns / 1e9);
  lab_exposition_part(e, "_count", "", s->num_gc);
}

static void write_version_metric(const char *version, const char *name,
                                 const char *help, lab_exposition *e) {
  lab_buf label = LAB_BUF_INIT;
  lab_buf_puts(&label, "{version=\"");
  lab_exposition_escape(version, &label);
  lab_buf_append(&label, "\"}", 3); /* and the final 0 */
  lab_exposition_family(e, "gauge", name, help);
  lab_exposition_sample(e, label.data, 1);
  lab_buf_free(&label);
}

/* What the collector and the scheduler are told. The VM's thread and the
 * workers run what a scenario does. */
static void write_go_settings(const lab_vm_status *vm, lab_exposition *e) {
  size_t limit = vm->memory_limit;
  lab_exposition_one(e, "gauge", "go_gc_gogc_percent",
                     "How much may be allocated until the next full "
                     "collection, of what was live after the last one.",
                     LAB_GC_PERCENT);
  lab_exposition_one(e, "gauge", "go_gc_gomemlimit_bytes",
                     "Bytes of memory that the step may have.",
                     (double)(limit < INT64_MAX ? limit : INT64_MAX));
  lab_exposition_one(e, "gauge", "go_sched_gomaxprocs_threads",
                     "Threads that can run the scenario's work at once.",
                     1 + vm->workers.threads);
}

static void write_go_metrics(const metrics *m, lab_exposition *e) {
  write_pauses(&m->mem, e);
  write_go_settings(&m->facts->vm, e);
  lab_exposition_one(e, "gauge", "go_goroutines", "Tasks that exist.",
                     (double)m->facts->vm.tasks);
  write_version_metric(m->facts->web->config.version, "go_info",
                       "What stands in for Go here.", e);
  write_heap_metrics(&m->mem, e);
  lab_exposition_one(e, "gauge", "go_threads", "Threads of the process.",
                     (double)m->process.threads);
}

static void write_process_metrics(const lab_process *p, lab_exposition *e) {
  lab_exposition_one(e, "counter", "process_cpu_seconds_total",
                     "CPU time of the process, user and system.",
                     (double)p->cpu_ns / 1e9);
  lab_exposition_one(e, "gauge", "process_max_fds",
                     "File descriptors that the process may have.",
                     (double)p->max_fds);
  lab_exposition_one(e, "gauge", "process_open_fds",
                     "File descriptors that the process has.", (double)p->fds);
  lab_exposition_one(e, "gauge", "process_resident_memory_bytes",
                     "Memory that the process has.", (double)p->rss);
  lab_exposition_one(e, "gauge", "process_start_time_seconds",
                     "When the process started, since 1970.",
                     (double)p->start_ns / 1e9);
  lab_exposition_one(e, "gauge", "process_virtual_memory_bytes",
                     "Address space of the process.", (double)p->virtual_bytes);
  lab_exposition_one(e, "gauge", "process_virtual_memory_max_bytes",
                     "Address space that the process may have.",
                     (double)p->max_virtual_bytes);
}

/* ---- our own ------------------------------------------------------------- */

static void write_step_metrics(const lab_vm_status *vm, lab_exposition *e) {
  lab_buf label = LAB_BUF_INIT;
  lab_buf_puts(&label, "{slug=\"");
  lab_exposition_escape(vm->step.slug, &label);
  lab_buf_append(&label, "\"}", 3); /* and the final 0 */
  lab_exposition_one(e, "gauge", "diaglab_step", "The step that is served.",
                     vm->step.number);
  lab_exposition_one(e, "gauge", "diaglab_step_entered_time_seconds",
                     "When it was entered, since 1970.",
                     (double)vm->step.since / 1e9);
  lab_exposition_family(e, "gauge", "diaglab_step_info", "Its name.");
  lab_exposition_sample(e, label.data, 1);
  lab_buf_free(&label);
}

/* The step's descriptors, and how many it may have: the process's limit, or a
 * lower one of the scenario's. */
static void write_step_fds(const metrics *m, lab_exposition *e) {
  uint64_t max = m->process.max_fds;
  const lab_vm_status *vm = &m->facts->vm;
  if (vm->fd_limit > 0 && vm->fd_limit < max)
    max = vm->fd_limit;
  lab_exposition_one(e, "gauge", "diaglab_step_max_fds",
                     "File descriptors that the step may have.", (double)max);
  lab_exposition_one(e, "gauge", "diaglab_step_open_fds",
                     "File descriptors that the step has.", vm->fds);
}

/* Of all steps: what one has left behind is gone soon after it. */
static void write_child_metrics(const lab_child_counts *c, lab_exposition *e) {
  lab_exposition_family(e, "gauge", "diaglab_children",
                        "Child processes: those that run, and those that have "
                        "ended and nobody has waited for.");
  lab_exposition_sample(e, "{state=\"running\"}", c->running);
  lab_exposition_sample(e, "{state=\"zombie\"}", c->zombies);
  lab_exposition_one(e, "counter", "diaglab_children_started_total",
                     "Child processes that were started.", (double)c->started);
}

/* What the process asks of the kernel, without a call or with one. */
static void write_kernel_metrics(const lab_process *p, lab_exposition *e) {
  lab_exposition_family(e, "counter", "diaglab_cpu_seconds_total",
                        "CPU time of the process: in its own code, and in the "
                        "kernel for it.");
  lab_exposition_sample(e, "{mode=\"user\"}", (double)p->user_ns / 1e9);
  lab_exposition_sample(e, "{mode=\"system\"}", (double)p->system_ns / 1e9);
  lab_exposition_family(e, "counter", "diaglab_page_faults_total",
                        "Pages that were touched before the process had them: "
                        "from memory, and from a disk.");
  lab_exposition_sample(e, "{kind=\"minor\"}", (double)p->minor_faults);
  lab_exposition_sample(e, "{kind=\"major\"}", (double)p->major_faults);
  lab_exposition_family(e, "counter", "diaglab_io_calls_total",
                        "Calls of read and write, and of those of their kind.");
  lab_exposition_sample(e, "{call=\"read\"}", (double)p->io.reads);
  lab_exposition_sample(e, "{call=\"write\"}", (double)p->io.writes);
  lab_exposition_family(e, "counter", "diaglab_io_bytes_total",
                        "Bytes that these calls have moved.");
  lab_exposition_sample(e, "{call=\"read\"}", (double)p->io.read_bytes);
  lab_exposition_sample(e, "{call=\"write\"}", (double)p->io.written_bytes);
}

static void write_task_state(lab_exposition *e, const char *state, size_t n) {
  char label[64];
  snprintf(label, sizeof label, "{state=\"%s\"}", state);
  lab_exposition_sample(e, label, (double)n);
}

static void write_task_metrics(const lab_vm_status *vm, lab_exposition *e) {
  lab_exposition_family(e, "gauge", "diaglab_tasks",
                        "Tasks by what they do or wait for, in the words of "
                        "goroutine profiles.");
  write_task_state(e, "running", vm->running);
  write_task_state(e, "runnable", vm->runnable);
  for (lab_wait why = LAB_WAIT_NONE + 1; why < LAB_WAIT_KINDS; why++)
    write_task_state(e, lab_wait_name(why), vm->waiting[why]);
}

static void write_queue_metrics(const lab_metrics_facts *m, lab_exposition *e) {
  const lab_vm_status *vm = &m->vm;
  lab_exposition_one(e, "gauge", "diaglab_connections",
                     "Connections of clients.", m->connections);
  lab_exposition_one(e, "gauge", "diaglab_captures",
                     "Profiles and numbers that are kept as evidence.",
                     (double)m->captures);
  lab_exposition_one(e, "gauge", "diaglab_captures_bytes",
                     "The memory that they have.", (double)m->captures_memory);
  lab_exposition_one(e, "gauge", "diaglab_requests_in_flight",
                     "Requests of the application not answered yet.",
                     m->in_flight);
  lab_exposition_one(e, "gauge", "diaglab_requests_queued",
                     "Those among them that the VM has not begun with.",
                     (double)vm->queued);
  lab_exposition_one(e, "gauge", "diaglab_workers",
                     "Threads for long primitives.", vm->workers.threads);
  lab_exposition_one(e, "gauge", "diaglab_workers_busy",
                     "Those among them that run one.", vm->workers.busy);
  lab_exposition_one(e, "gauge", "diaglab_worker_jobs_queued",
                     "Long primitives that wait for a thread.",
                     vm->workers.queued);
  lab_exposition_one(e, "counter", "diaglab_log_dropped_lines_total",
                     "Lines of the log that were not written.",
                     (double)lab_log_dropped());
}

/* ---- the student's ------------------------------------------------------- */

typedef struct step_done {
  lab_exposition *e;
  bool repaired; /* is asked for, not `solved` */
} step_done;

static void write_step_done(int step, bool solved, bool repaired, void *arg) {
  const step_done *d = arg;
  char label[32];
  snprintf(label, sizeof label, "{step=\"%d\"}", step);
  lab_exposition_sample(d->e, label, d->repaired ? repaired : solved);
}

static void write_progress_metrics(lab_standing *standing, lab_exposition *e) {
  lab_exposition_family(e, "gauge", "diaglab_step_solved",
                        "1: the student has diagnosed the step's fault.");
  lab_standing_each(standing, write_step_done, &(step_done){e, false});
  lab_exposition_family(e, "gauge", "diaglab_step_repaired",
                        "1: a repair of the step was proven.");
  lab_standing_each(standing, write_step_done, &(step_done){e, true});
}

/* ---- the scenario's ------------------------------------------------------ */

typedef struct scenario_metrics {
  lab_exposition *e;
  bool whole;
} scenario_metrics;

/* The exposition keeps a pointer to the metric's name until the next family. */
static void write_scenario_metric(const lab_metric *m, void *arg) {
  static const char *const types[] = {"counter", "gauge", "histogram"};
  const scenario_metrics *s = arg;
  lab_exposition *e = s->e;
  lab_exposition_family(e, types[m->kind], m->name,
                        m->help ? m->help : "The scenario's own.");
  if (m->kind == LAB_METRIC_HISTOGRAM)
    lab_exposition_histogram(e, "", &m->histogram);
  else
    lab_exposition_sample(
        e, "", s->whole ? lab_metric_get(m) : lab_metric_since_mark(m));
}

/* ---- all of them --------------------------------------------------------- */

void lab_metrics_collect(lab_web *web, bool whole, lab_metrics_facts *facts) {
  *facts = (lab_metrics_facts){
      .web = web,
      .in_flight = lab_web_in_flight(web),
      .connections = lab_http_connections(web->server),
      .captures = lab_captures_count(&web->captures),
      .captures_memory = lab_captures_memory(&web->captures),
      .answers = web->answers,
      .whole = whole,
  };
  const lab_services *services = lab_services_of(web->config.vm);
  if (services)
    facts->children = services->count_children();
  lab_vm_read_status(web->config.vm, &facts->vm);
  lab_request_visit present = {facts->vm.step.number, facts->vm.step.entered};
  facts->requests = lab_request_stats_take(&web->stats, &present, whole);
}

void lab_metrics_free(lab_metrics_facts *facts) {
  lab_vm_status_free(&facts->vm);
  lab_request_rows_free(&facts->requests);
}

void lab_metrics_write(const lab_metrics_facts *facts, lab_exposition *e) {
  metrics m = {.facts = facts};
  lab_memstats_read(&m.mem);
  lab_process_read(&m.process);
  write_go_metrics(&m, e);
  write_process_metrics(&m.process, e);
  write_version_metric(facts->web->config.version, "diaglab_build_info",
                       "The program's version.", e);
  write_step_metrics(&facts->vm, e);
  write_step_fds(&m, e);
  write_kernel_metrics(&m.process, e);
  write_child_metrics(&facts->children, e);
  write_task_metrics(&facts->vm, e);
  write_queue_metrics(facts, e);
  lab_request_rows_write(&facts->requests, e);
  lab_answers_write(&facts->answers, e);
  write_progress_metrics(facts->web->standing, e);
  scenario_metrics own = {e, facts->whole};
  lab_metric_each(write_scenario_metric, &own);
  lab_exposition_end(e);
}

/* ---- the request --------------------------------------------------------- */

typedef struct metrics_request {
  lab_slow slow;
  bool open;
  lab_metrics_facts facts; /* as of the request: what is kept, and */
  lab_metrics_facts whole; /* what is answered, if that is `since=start` */
  lab_buf kept, out;       /* likewise */
  lab_buf packed;          /* what is answered, if its client takes that */
  lab_keep keep;
} metrics_request;

static void write_metrics(lab_slow *s) {
  metrics_request *m = (metrics_request *)s;
  lab_exposition kept = {.out = &m->kept, .open = m->open};
  lab_exposition out = {.out = &m->out, .open = m->open};
  lab_metrics_write(&m->facts, &kept);
  if (m->whole.whole)
    lab_metrics_write(&m->whole, &out);
  lab_pack_text(s->req, m->whole.whole ? &m->out : &m->kept, &m->packed);
}

static void free_metrics(lab_slow *s) {
  metrics_request *m = (metrics_request *)s;
  lab_metrics_free(&m->facts);
  if (m->whole.whole)
    lab_metrics_free(&m->whole);
  lab_buf_free(&m->kept);
  lab_buf_free(&m->out);
  lab_buf_free(&m->packed);
}

static void answer_metrics(lab_slow *s) {
  metrics_request *m = (metrics_request *)s;
  lab_blob *kept = lab_keep_total(&m->keep, s->web, "metrics", &m->kept);
  const char *type = m->open ? LAB_EXPOSITION_OPEN : LAB_EXPOSITION_TEXT;
  if (m->packed.len > 0)
    lab_http_respond_buf(s->req, 200, type, "Vary: Accept\r\n" LAB_PACK_IS,
                         &m->packed);
  else if (m->whole.whole)
    lab_http_respond_buf(s->req, 200, type, "Vary: Accept\r\n" LAB_PACK_MAY,
                         &m->out);
  else
    lab_http_respond_blob(s->req, 200, type, "Vary: Accept\r\n" LAB_PACK_MAY,
                          kept);
  lab_blob_unref(kept);
  lab_slow_end(s);
}

void lab_web_metrics(lab_web *web, lab_http_request *req) {
  lab_http_str accept;
  bool whole;
  if (web->stopping || lab_web_since(req, &whole)) {
    lab_http_error(req, web->stopping ? 503 : 400,
                   web->stopping ? "the lab is stopping" : LAB_WEB_WRONG_SINCE);
    return;
  }
  metrics_request *m = lab_xcalloc(1, sizeof *m);
  lab_http_header(req, "Accept", &accept);
  m->open = lab_exposition_wants_open(accept.data, accept.len);
  m->keep = lab_keep_begin(web, req);
  lab_metrics_collect(web, false, &m->facts);
  if (whole)
    lab_metrics_collect(web, true, &m->whole);
  lab_slow_begin(&m->slow, web, req, free_metrics);
  lab_slow_work(&m->slow, write_metrics, answer_metrics);
}
