/* SPDX-License-Identifier: MIT
 * See keep.h. */
#include "web/keep.h"

#include <string.h>

#include "prof/attempt.h"
#include "scenario/shown.h"
#include "web/page.h"
#include "web/web_internal.h"

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
                          !is_collector(req)};
  if (k.wanted)
    k.from = lab_activity_read(&web->activity);
  return k;
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
  k->step = lab_shown_slug(web->config.vm, k->slug);
}

static lab_blob *keep_bytes(lab_keep *k, lab_web *web, const char *kind,
                            lab_buf *bytes, bool total, bool is_delta) {
  lab_keep_stop(k, web);
  if (!k->wanted)
    return lab_blob_take(bytes);
  lab_buf_trim(bytes);
  lab_blob *blob = lab_blob_take(bytes);
  lab_capture *c = lab_capture_new(kind, lab_blob_ref(blob));
  lab_activity_fill(total ? NULL : &k->from, &k->to, c);
  c->is_delta = is_delta;
  c->step = k->step;
  memcpy(c->slug, k->slug, sizeof c->slug);
  lab_captures_visit(&web->captures, lab_attempt_now().id);
  lab_web_tell_capture(web, lab_captures_add(&web->captures, c));
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
