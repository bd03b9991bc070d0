/* SPDX-License-Identifier: MIT
 * /debug/vars: expvar's page, the command line, the memory statistics, and the
 * scenario's counters and gauges. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/metric.h"
#include "prof/memstats_format.h"
#include "web/handlers.h"

typedef struct vars {
  lab_slow slow;
  lab_buf out;
} vars;

static void write_cmdline(const lab_web_config *config, lab_buf *out) {
  lab_buf_puts(out, "\"cmdline\": [");
  for (size_t i = 0; i < config->argc; i++) {
    if (i > 0)
      lab_buf_putc(out, ',');
    lab_buf_json_string(out, config->argv[i], strlen(config->argv[i]));
  }
  lab_buf_puts(out, "]");
}

/* ---- the object, in the order of keys ------------------------------------
 */

typedef struct writer {
  const lab_web_config *config;
  lab_buf *out;
  const char *comma;
  unsigned next; /* of the keys that are always there: see write_fixed */
} writer;

static void write_memstats(lab_buf *out) {
  lab_memstats stats;
  lab_memstats_read(&stats);
  lab_buf_puts(out, "\"memstats\": ");
  lab_memstats_write_json(&stats, out);
}

/* Those of them that come before NAME; all that are left if it is NULL. */
static void write_fixed(writer *w, const char *name) {
  static const char *const keys[] = {"cmdline", "memstats"};
  while (w->next < 2 && (!name || strcmp(keys[w->next], name) < 0)) {
    lab_buf_puts(w->out, w->comma);
    if (w->next++ == 0)
      write_cmdline(w->config, w->out);
    else
      write_memstats(w->out);
    w->comma = ",\n";
  }
}

/* The scenario's own. JSON has no word for what isn't finite. */
static void write_metric(const lab_metric *m, void *arg) {
  writer *w = arg;
  if (m->kind == LAB_METRIC_HISTOGRAM)
    return;
  write_fixed(w, m->name);
  lab_buf_printf(w->out, "%s\"%s\": ", w->comma, m->name);
  double value = lab_metric_get(m);
  if (isfinite(value))
    lab_buf_double(w->out, value);
  else
    lab_buf_puts(w->out, "null");
  w->comma = ",\n";
}

static void run(lab_slow *s) {
  writer w = {&s->web->config, &((vars *)s)->out, "", 0};
  lab_buf_puts(w.out, "{\n");
  lab_metric_each(write_metric, &w);
  write_fixed(&w, NULL);
  lab_buf_puts(w.out, "\n}\n");
}

static void cleanup(lab_slow *s) {
  lab_buf_free(&((vars *)s)->out);
}

static void answer(lab_slow *s) {
  lab_http_respond_buf(s->req, 200, "application/json; charset=utf-8", NULL,
                       &((vars *)s)->out);
  lab_slow_end(s);
}

void lab_web_vars(lab_web *web, lab_http_request *req) {
  vars *v = lab_xcalloc(1, sizeof *v);
  lab_slow_begin(&v->slow, web, req, cleanup);
  lab_slow_work(&v->slow, run, answer);
}
