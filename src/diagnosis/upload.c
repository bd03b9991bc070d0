/* SPDX-License-Identifier: MIT
 * See upload.h. */
#include "diagnosis/upload.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "diagnosis/trace_profiles.h"
#include "pprof/query.h"
#include "prof/attempt.h"
#include "prof/custom.h"

/* ---- the file in the body ------------------------------------------------ */

enum { BOUNDARY_MAX = 70 }; /* RFC 2046 */

/* The boundary of a multipart TYPE with the two dashes before it; its length,
 * or 0 if there is none. */
static size_t read_boundary(const char *type, char out[BOUNDARY_MAX + 3]) {
  const char *at = strcasestr(type, "boundary=");
  if (strncasecmp(type, "multipart/", 10) != 0 || !at)
    return 0;
  at += 9;
  bool quoted = *at == '"';
  at += quoted;
  size_t len = strcspn(at, quoted ? "\"" : "; \t");
  if (len == 0 || len > BOUNDARY_MAX)
    return 0;
  memcpy(out, "--", 2);
  memcpy(out + 2, at, len);
  out[2 + len] = '\0';
  return 2 + len;
}

const char *lab_upload_find(const char *type, const char *body, size_t len,
                            size_t *size) {
  char boundary[BOUNDARY_MAX + 3];
  size_t n = read_boundary(type, boundary);
  *size = len;
  if (n == 0)
    return strncasecmp(type, "multipart/", 10) == 0 ? NULL : body;
  const char *end = body + len;
  const char *part = memmem(body, len, boundary, n);
  const char *head =
      part ? memmem(part, (size_t)(end - part), "\r\n\r\n", 4) : NULL;
  if (!head)
    return NULL;
  const char *file = head + 4;
  char last[BOUNDARY_MAX + 5] = "\r\n";
  memcpy(last + 2, boundary, n);
  const char *after = memmem(file, (size_t)(end - file), last, n + 2);
  *size = after ? (size_t)(after - file) : 0;
  return after ? file : NULL;
}

/* ---- its kind ------------------------------------------------------------ */

static bool has_type(const lab_pprof *p, const char *type) {
  return lab_pprof_type_index(p, type) < p->ntypes;
}

/* Is NAME a kind of profile whose values are called as it is? Any other word,
 * such as "metrics", is only what the file says. */
static bool is_kind_of_values(const char *name) {
  static const char *const own[] = {"goroutine", "goroutineleak",
                                    "threadcreate"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(name, own[i]) == 0)
      return true;
  return lab_custom_is_name(name);
}

/* One that the lab has; else NULL, and ERR says why. */
static const char *find_kind(const lab_pprof *p, const char *hint,
                             lab_err *err) {
  const char *name =
      p->default_type < p->ntypes ? p->types[p->default_type].type : "";
  if (has_type(p, "cpu"))
    return "cpu";
  if (has_type(p, "time"))
    return "wall";
  if (has_type(p, "inuse_space"))
    return strcmp(name, "alloc_space") == 0 ? "allocs" : "heap";
  if (has_type(p, "delay")) {
    if (strcmp(hint, "block") == 0 || strcmp(hint, "mutex") == 0)
      return hint;
    lab_err_set(err, -EINVAL,
                "it may be a block or a mutex profile: say which, by "
                "?kind=block or ?kind=mutex");
    return NULL;
  }
  if (is_kind_of_values(name))
    return name;
  lab_err_set(err, -EINVAL, "no profile of the lab has such values");
  return NULL;
}

static uint64_t find_attempt(const lab_pprof *p) {
  uint64_t id = 0;
  for (size_t i = 0; i < p->ncomments && id == 0; i++)
    id = lab_attempt_parse(p->comments[i]);
  return id;
}

/* NS: how long it took. */
static lab_capture *make_capture(const char *kind, const char *file, size_t len,
                                 uint64_t attempt, int64_t ns) {
  lab_buf bytes = LAB_BUF_INIT;
  lab_buf_append(&bytes, file, len);
  lab_capture *c = lab_capture_new(kind, lab_blob_take(&bytes));
  c->is_sent = true;
  c->attempt = attempt;
  c->seconds = ns > 0 ? (double)ns / 1e9 : 0;
  return c;
}

static lab_capture *read_sent_trace(const char *file, size_t len,
                                    lab_err *err) {
  lab_trace_facts facts;
  if (lab_trace_profiles_read(file, len, &facts, NULL, err))
    return NULL;
  lab_capture *c = make_capture(LAB_CAPTURE_TRACE, file, len, facts.attempt,
                                (int64_t)facts.ns);
  c->at = lab_clock_real();
  c->busy = (double)facts.busy_ns / 1e9;
  c->requests = facts.requests;
  return c;
}

/* Of a recording the file says when it began, of all others when it was made.
 */
static uint64_t find_end(const lab_pprof *p, const char *kind) {
  bool records = strcmp(kind, "cpu") == 0 || strcmp(kind, "wall") == 0;
  int64_t at = p->time_ns;
  if (at <= 0)
    return 0;
  if (records && p->duration_ns > 0)
    at = p->duration_ns < INT64_MAX - at ? at + p->duration_ns : INT64_MAX;
  return (uint64_t)at;
}

lab_capture *lab_upload_read(const char *file, size_t len, const char *hint,
                             lab_err *err) {
  if (lab_trace_is_one(file, len))
    return read_sent_trace(file, len, err);
  lab_pprof_limits limits = LAB_UPLOAD_LIMITS;
  lab_pprof *p;
  lab_err why;
  int rc = lab_pprof_decode(&p, file, len, &limits, &why);
  if (rc) {
    lab_err_set(err, rc, "it can't be read as a profile (%s)", why.text);
    return NULL;
  }
  const char *kind = find_kind(p, hint, err);
  lab_capture *c =
      kind ? make_capture(kind, file, len, find_attempt(p), p->duration_ns)
           : NULL;
  if (c)
    c->at = find_end(p, kind);
  lab_pprof_free(p);
  return c;
}
