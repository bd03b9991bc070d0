/* SPDX-License-Identifier: MIT
 * See vars.h. The command line, the attempt (prof/attempt.h), the memory
 * statistics, and the scenario's counters and gauges. */
#include "web/vars.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/metric.h"
#include "prof/attempt.h"
#include "prof/memstats_format.h"
#include "web/keep.h"
#include "web/pack.h"
#include "web/since.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct vars {
  lab_slow slow;
  bool whole;        /* since=start */
  lab_buf kept, out; /* what is kept; what is answered, if that is `whole` */
  lab_buf packed;    /* what is answered, if its client takes that */
  lab_keep keep;
} vars;

/* ---- the object, in the order of keys ------------------------------------ */

typedef struct vars_writer {
  const lab_web_config *config;
  bool whole;
  lab_json json;
  unsigned next_fixed; /* of the keys that are always there */
} vars_writer;

static void add_cmdline(vars_writer *w) {
  lab_json_begin_array(&w->json, LAB_JSON_COMPACT);
  for (size_t i = 0; i < w->config->argc; i++)
    lab_json_text(&w->json, w->config->argv[i]);
  lab_json_end(&w->json);
}

static void add_memstats(vars_writer *w) {
  lab_memstats stats;
  lab_memstats_read(&stats);
  lab_memstats_add_json(&stats, &w->json);
}

/* No scenario has a metric of that name. */
static void add_attempt(vars_writer *w) {
  char text[LAB_ATTEMPT_TEXT];
  lab_attempt_text(lab_attempt_now().id, text);
  lab_json_text(&w->json, text);
}

/* Adds the keys that are always there and come before NAME; if it is NULL, all
 * that are left. */
static void add_fixed_keys(vars_writer *w, const char *name) {
  static const struct {
    const char *key;
    void (*add)(vars_writer *w);
  } fixed[] = {{"cmdline", add_cmdline},
               {"diaglab_attempt", add_attempt},
               {"memstats", add_memstats}};
  for (; w->next_fixed < sizeof fixed / sizeof *fixed; w->next_fixed++) {
    const char *key = fixed[w->next_fixed].key;
    if (name && strcmp(key, name) >= 0)
      return;
    lab_json_key(&w->json, key);
    fixed[w->next_fixed].add(w);
  }
}

/* Metrics come in the order of their names. */
static void add_metric_key(const lab_metric *m, void *arg) {
  vars_writer *w = arg;
  if (m->kind == LAB_METRIC_HISTOGRAM)
    return;
  add_fixed_keys(w, m->name);
  lab_json_key(&w->json, m->name);
  lab_json_double(&w->json,
                  w->whole ? lab_metric_get(m) : lab_metric_since_mark(m));
}

void lab_vars_write(lab_web *web, bool whole, lab_buf *out) {
  vars_writer w = {.config = &web->config, .whole = whole};
  lab_json_start(&w.json, out);
  lab_json_begin_object(&w.json, LAB_JSON_LINES);
  lab_metric_each(add_metric_key, &w);
  add_fixed_keys(&w, NULL);
  lab_json_end(&w.json);
  lab_json_finish(&w.json);
}

static void write_vars(lab_slow *s) {
  vars *v = (vars *)s;
  lab_vars_write(s->web, false, &v->kept);
  if (v->whole)
    lab_vars_write(s->web, true, &v->out);
  lab_pack_text(s->req, v->whole ? &v->out : &v->kept, &v->packed);
}

static void free_vars(lab_slow *s) {
  lab_buf_free(&((vars *)s)->kept);
  lab_buf_free(&((vars *)s)->out);
  lab_buf_free(&((vars *)s)->packed);
}

static void answer_vars(lab_slow *s) {
  vars *v = (vars *)s;
  lab_blob *kept = lab_keep_total(&v->keep, s->web, "vars", &v->kept);
  if (v->packed.len > 0)
    lab_http_respond_buf(s->req, 200, LAB_WEB_JSON, LAB_PACK_IS, &v->packed);
  else if (v->whole)
    lab_http_respond_buf(s->req, 200, LAB_WEB_JSON, LAB_PACK_MAY, &v->out);
  else
    lab_http_respond_blob(s->req, 200, LAB_WEB_JSON, LAB_PACK_MAY, kept);
  lab_blob_unref(kept);
  lab_slow_end(s);
}

void lab_web_vars(lab_web *web, lab_http_request *req) {
  bool whole;
  if (lab_web_since(req, &whole)) {
    lab_http_error(req, 400, LAB_WEB_WRONG_SINCE);
    return;
  }
  vars *v = lab_xcalloc(1, sizeof *v);
  v->whole = whole;
  v->keep = lab_keep_begin(web, req);
  lab_slow_begin(&v->slow, web, req, free_vars);
  lab_slow_work(&v->slow, write_vars, answer_vars);
}
