/* SPDX-License-Identifier: MIT
 * See symbol.h. It is for tools that know only addresses. These are joined by
 * "+", in the query or in the body of a POST: all of a profile at once. A body
 * has room for 3400 of them, which take 0.3 s if all are of our own code. */
#include "web/symbol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "prof/export.h"
#include "web/slow.h"
#include "web/web_internal.h"

typedef struct symbols {
  lab_slow slow;
  lab_http_str addresses; /* of the request, which is held */
  lab_buf out;
} symbols;

/* A number as C writes it ("0x4b2f", "1234", "0755") and nothing else; or 0. */
static uint64_t parse_code_address(const char *text) {
  char *end;
  if (*text < '0' || *text > '9')
    return 0;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 0);
  return errno || *end ? 0 : value;
}

/* Unknown addresses are left out: so Go does, and so tools expect. */
static void write_symbol_line(const char *word, size_t len, lab_buf *out) {
  char text[32];
  if (len >= sizeof text)
    return;
  memcpy(text, word, len);
  text[len] = '\0';
  uint64_t address = parse_code_address(text);
  size_t before = out->len;
  lab_buf_printf(out, "%#llx ", (unsigned long long)address);
  if (address && lab_text_name(address, out))
    lab_buf_putc(out, '\n');
  else
    out->len = before;
}

static void write_symbols(lab_slow *s) {
  symbols *job = (symbols *)s;
  const char *at = job->addresses.data, *end = at + job->addresses.len;
  lab_buf_puts(&job->out, "num_symbols: 1\n");
  while (at < end) {
    const char *plus = memchr(at, '+', (size_t)(end - at));
    const char *stop = plus ? plus : end;
    write_symbol_line(at, (size_t)(stop - at), &job->out);
    at = stop + 1;
  }
}

static void free_symbols(lab_slow *s) {
  lab_buf_free(&((symbols *)s)->out);
}

static void answer_symbols(lab_slow *s) {
  lab_http_respond_buf(s->req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF,
                       &((symbols *)s)->out);
  lab_slow_end(s);
}

void lab_web_symbol(lab_web *web, lab_http_request *req) {
  bool post = strcmp(lab_http_method(req), "POST") == 0;
  symbols *job = lab_xcalloc(1, sizeof *job);
  job->addresses = post ? lab_http_body(req) : lab_http_query(req);
  lab_slow_begin(&job->slow, web, req, free_symbols);
  lab_slow_work(&job->slow, write_symbols, answer_symbols);
}
