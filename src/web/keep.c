/* SPDX-License-Identifier: MIT
 * See keep.h. */
#include "web/keep.h"

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "prof/attempt.h"
#include "scenario/shown.h"
#include "web/cors.h"
#include "web/page.h"
#include "web/web_internal.h"

enum { WAIT_MS = 2000 };

/* What programs that collect profiles and numbers call themselves: parts of
 * their User-Agent. */
static const char *const collectors[] = {
    "prometheus", "vmagent",       "victoriametrics", "grafana",  "alloy",
    "pyroscope",  "parca",         "phlare",          "telegraf", "otel",
    "datadog",    "opentelemetry", "kube-probe",      "fluent",   "netdata",
    "zabbix",     "diaglab-"};

static bool is_collector(const lab_http_request *req) {
  lab_http_str agent;
  if (!lab_http_header(req, "User-Agent", &agent))
    return false;
  for (size_t i = 0; i < sizeof collectors / sizeof *collectors; i++)
    if (strcasestr(agent.data, collectors[i]))
      return true;
  return false;
}

lab_keep lab_keep_begin(lab_web *web, const lab_http_request *req) {
  lab_keep k = {.wanted = !web->stopping && !lab_http_is_head(req) &&
                          !is_collector(req) &&
                          !lab_cors_is_stranger(web, req)};
  if (k.wanted) {
    k.from = lab_activity_read(&web->activity);
    k.begun.number = lab_shown_slug(web->config.vm, k.begun.slug);
  }
  return k;
}

lab_keep lab_keep_begin_recording(lab_web *web, const lab_http_request *req) {
  lab_keep k = lab_keep_begin(web, req);
  k.records = k.wanted;
  if (k.records)
    k.waited = lab_process_waited(0);
  return k;
}

/* Threads that have ended meanwhile take their time with them. */
static int64_t count_waited(int64_t before) {
  int64_t now = lab_process_waited(0);
  if (now < 0 || before < 0)
    return -1;
  return now > before ? now - before : 0;
}

void lab_keep_stop(lab_keep *k, lab_web *web) {
  if (!k->wanted || k->stopped)
    return;
  if (web->stopping) { /* there may be no VM any more */
    k->wanted = false;
    return;
  }
  k->stopped = true;
  k->to = lab_activity_read(&web->activity);
  k->at = lab_clock_real();
  k->waited = k->records ? count_waited(k->waited) : -1;
  k->ended.number = lab_shown_slug(web->config.vm, k->ended.slug);
}

/* Fills in what isn't of the bytes, and takes C into the list. */
static void list_capture(const lab_keep *k, lab_web *web, lab_capture *c) {
  if (k->waited >= 0)
    c->waited = (double)k->waited / 1e9;
  const lab_keep_step *step =
      c->attempt == k->from.attempt.id ? &k->begun : &k->ended;
  c->step = step->number;
  memcpy(c->slug, step->slug, sizeof c->slug);
  lab_captures_visit(&web->captures, lab_attempt_now().id);
  lab_web_tell_capture(web, lab_captures_add(&web->captures, c));
}

void lab_keep_later(const lab_keep *k, lab_slow *s, void (*write)(lab_slow *s),
                    void (*keep)(lab_slow *s)) {
  if (!k->wanted || s->web->stopping) {
    lab_slow_end(s);
    return;
  }
  lab_slow_work_late(s, write, keep);
}

void lab_keep_wait(lab_slow *s, void (*next)(lab_slow *s)) {
  lab_slow_wait_late(s, WAIT_MS, next);
}

/* NS before AT; 0 if there was no such time. */
static uint64_t time_before(uint64_t at, uint64_t ns) {
  return at > ns ? at - ns : 0;
}

/* C tells of its seconds before END, mono ns; without any, of all since the
 * visit began. */
static void fill_until(lab_web *web, uint64_t end, lab_capture *c) {
  uint64_t ns = (uint64_t)(c->seconds * 1e9);
  lab_activity_mark to = lab_activity_at(&web->activity, end);
  lab_activity_mark from =
      lab_activity_at(&web->activity, time_before(end, ns));
  lab_activity_fill(ns > 0 ? &from : NULL, &to, c);
}

/* A time before the visit can't be: the clock was set meanwhile, and nobody
 * knows. */
void lab_keep_fill_past(lab_web *web, lab_capture *c) {
  uint64_t real = lab_clock_real(), now = lab_clock_mono();
  uint64_t end = time_before(now, time_before(real, c->at));
  if (end < lab_attempt_now().since)
    end = now;
  fill_until(web, end, c);
}

/* A trace of the past is of the time before it was asked for. */
static void fill_trace(const lab_keep *k, lab_web *web, double past,
                       lab_capture *c) {
  if (past > 0 && k->from.attempt.id == lab_attempt_now().id) {
    c->seconds = past;
    fill_until(web, k->from.at, c);
  } else if (past > 0) { /* of an earlier visit: only that is known */
    lab_activity_fill(&k->from, &k->to, c);
    c->seconds = past;
  } else { /* of one that crosses a switch what came after that counts */
    bool crosses = k->from.attempt.id != k->to.attempt.id;
    lab_activity_fill(crosses ? NULL : &k->from, &k->to, c);
  }
}

void lab_keep_trace(lab_keep *k, lab_web *web, size_t len, lab_buf *file,
                    double past) {
  lab_keep_stop(k, web);
  if (!k->wanted)
    return;
  bool kept = file->len > 0;
  lab_buf_trim(file);
  lab_capture *c =
      lab_capture_new(LAB_CAPTURE_TRACE, kept ? lab_blob_take(file) : NULL);
  fill_trace(k, web, past, c);
  c->is_too_large = !kept;
  if (!kept)
    c->len = len;
  list_capture(k, web, c);
}

static lab_blob *keep_bytes(lab_keep *k, lab_web *web, const char *kind,
                            lab_buf *bytes, bool total, bool is_delta) {
  lab_keep_stop(k, web);
  if (!k->wanted)
    return lab_blob_take(bytes);
  lab_buf_trim(bytes);
  lab_blob *blob = lab_blob_take(bytes);
  lab_capture *c = lab_capture_new(kind, lab_blob_ref(blob));
  c->at = k->at;
  lab_activity_fill(total ? NULL : &k->from, &k->to, c);
  c->is_delta = is_delta;
  list_capture(k, web, c);
  return blob;
}

lab_blob *lab_keep_recording(lab_keep *k, lab_web *web, const char *kind,
                             lab_buf *bytes) {
  return keep_bytes(k, web, kind, bytes, false, false);
}

lab_blob *lab_keep_delta(lab_keep *k, lab_web *web, const char *kind,
                         lab_buf *bytes) {
  return keep_bytes(k, web, kind, bytes, false, true);
}

lab_blob *lab_keep_total(lab_keep *k, lab_web *web, const char *kind,
                         lab_buf *bytes) {
  return keep_bytes(k, web, kind, bytes, true, false);
}
