/* SPDX-License-Identifier: MIT
 * See plan.h. */
#include "load/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/token.h"

static const char number_mark[] = "{n}";

uint64_t lab_load_plan_ns(double seconds) {
  static const double most = 9e18; /* 285 years */
  double ns = seconds * 1e9;
  if (!(ns > 0))
    return 0;
  if (ns < 1)
    return 1;
  return (uint64_t)(ns < most ? ns : most);
}

static int check_target_path(const char *path, lab_err *err) {
  if (*path != '/')
    return lab_err_set(err, -EINVAL, "path: \"%s\" doesn't begin with /", path);
  for (const char *s = path; *s; s++)
    if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '#')
      return lab_err_set(err, -EINVAL,
                         "path: \"%s\" has a character that must be written "
                         "as %%%02X",
                         path, (unsigned char)*s);
  return 0;
}

static int check_method(const char *method, lab_err *err) {
  size_t n = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  if (n > 0 && n < 16 && method[n] == '\0' && strcmp(method, "CONNECT") != 0)
    return 0;
  return lab_err_set(err, -EINVAL,
                     "method: \"%s\" is not a method such as GET or POST",
                     method);
}

/* Whether the LENGTH bytes of a header's line end the request early, or set
 * what the load sets itself. */
static const char *find_line_fault(const char *line, size_t length) {
  static const char *const own[] = {
      "Host:", "Content-Length:", "Connection:", "Transfer-Encoding:"};
  const char *colon = memchr(line, ':', length);
  if (!colon || !lab_is_token(line, (size_t)(colon - line)))
    return "is not of the form \"Name: value\"";
  if (!lab_is_field_value(colon + 1, length - (size_t)(colon + 1 - line)))
    return "has a control character";
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strncasecmp(line, own[i], strlen(own[i])) == 0)
      return "is one that the load sets itself";
  return NULL;
}

static int check_headers(const char *headers, lab_err *err) {
  while (*headers) {
    const char *end = strstr(headers, "\r\n");
    size_t length = end ? (size_t)(end - headers) : strlen(headers);
    const char *fault = find_line_fault(headers, length);
    if (!fault && !end)
      fault = "doesn't end with \\r\\n";
    if (fault)
      return lab_err_set(err, -EINVAL, "header: \"%.*s\" %s", (int)length,
                         headers, fault);
    headers = end + 2;
  }
  return 0;
}

static int check_one(const lab_load_plan *plan, lab_err *err) {
  lab_load_plan p = lab_load_plan_complete(plan);
  int rc = check_target_path(p.path, err);
  if (rc == 0)
    rc = check_method(p.method, err);
  if (rc == 0)
    rc = check_headers(p.headers, err);
  if (rc)
    return rc;
  if (p.clients > LAB_LOAD_CLIENTS_MAX)
    return lab_err_set(err, -EINVAL, "clients: %u is more than %d", p.clients,
                       LAB_LOAD_CLIENTS_MAX);
  if (!(p.rate >= 0 && p.rate <= 1e6))
    return lab_err_set(err, -EINVAL, "rate: %g is not from 0 to 1e6", p.rate);
  return 0;
}

static int check_other(const lab_load_plan *plan, const char *name,
                       lab_err *err) {
  lab_err why = {""};
  if (!plan)
    return 0;
  if (plan->first || plan->beside)
    return lab_err_set(
        err, -EINVAL, "%s: it can't have a first or a beside of its own", name);
  if (check_one(plan, &why))
    return lab_err_set(err, -EINVAL, "%s: %.900s", name, why.text);
  return 0;
}

int lab_load_plan_check(const lab_load_plan *plan, lab_err *err) {
  int rc = check_one(plan, err);
  if (rc == 0)
    rc = check_other(plan->first, "first", err);
  return rc ? rc : check_other(plan->beside, "beside", err);
}

lab_load_plan lab_load_plan_complete(const lab_load_plan *plan) {
  lab_load_plan p = *plan;
  if (!p.path)
    p.path = "/";
  if (!p.method)
    p.method = p.body_len ? "POST" : "GET";
  if (!p.headers)
    p.headers = "";
  if (p.clients == 0)
    p.clients = 1;
  if (p.timeout_ns == 0)
    p.timeout_ns = 10 * LAB_SECOND;
  return p;
}

bool lab_load_plan_is_numbered(const lab_load_plan *plan) {
  return plan->path && strstr(plan->path, number_mark);
}

static void write_path(const char *path, uint64_t number, lab_buf *out) {
  for (const char *mark; (mark = strstr(path, number_mark));) {
    lab_buf_append(out, path, (size_t)(mark - path));
    lab_buf_printf(out, "%" PRIu64, number);
    path = mark + sizeof number_mark - 1;
  }
  lab_buf_puts(out, path);
}

void lab_load_plan_write(const lab_load_plan *plan, const char *host, size_t n,
                         uint64_t number, lab_buf *out) {
  lab_buf_puts(out, plan->method);
  lab_buf_putc(out, ' ');
  write_path(plan->path, number, out);
  lab_buf_printf(out, " HTTP/1.1\r\nHost: %.*s\r\n", (int)n, host);
  if (!strcasestr(plan->headers, "User-Agent:"))
    lab_buf_puts(out, "User-Agent: diaglab-load\r\n");
  lab_buf_puts(out, plan->headers);
  if (plan->body_len > 0 || strcmp(plan->method, "POST") == 0)
    lab_buf_printf(out, "Content-Length: %zu\r\n", plan->body_len);
  lab_buf_puts(out, "\r\n");
  lab_buf_append(out, plan->body, plan->body_len);
}
