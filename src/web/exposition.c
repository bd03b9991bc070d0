/* SPDX-License-Identifier: MIT
 * See exposition.h. */
#include "web/exposition.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "http/accept.h"

/* ---- which format -------------------------------------------------------- */

static bool is_media_type(lab_http_str s, const char *text) {
  return s.len == strlen(text) && strncasecmp(s.data, text, s.len) == 0;
}

/* The parameter q of a media type; 1 if there is none. */
static double read_weight(lab_http_str params) {
  char number[8] = "";
  while (params.len > 0) {
    lab_http_str p = lab_http_cut_word(&params, ';');
    if (p.len > 2 && (p.data[0] == 'q' || p.data[0] == 'Q') && p.data[1] == '=')
      memcpy(number, p.data + 2,
             p.len - 2 < sizeof number ? p.len - 2 : sizeof number - 1);
  }
  double weight = number[0] ? 0 : 1;
  lab_decimal_read(number, &weight);
  return weight;
}

bool lab_exposition_wants_open(const char *accept, size_t len) {
  lab_http_str rest = {accept, len};
  double open = 0, text = 0;
  while (rest.len > 0) {
    lab_http_str params = lab_http_cut_word(&rest, ',');
    lab_http_str type = lab_http_cut_word(&params, ';');
    double q = read_weight(params);
    if (is_media_type(type, "application/openmetrics-text"))
      open = fmax(open, q);
    else if (is_media_type(type, "text/plain"))
      text = fmax(text, q);
  }
  return open > 0 && open >= text;
}

/* ---- families and samples ------------------------------------------------ */

/* Also makes it valid UTF-8: see base/utf8.h. */
static void escape_text(const char *text, bool quotes, lab_buf *out) {
  const char *special = quotes ? "\n\\\"" : "\n\\";
  while (*text) {
    size_t plain = strcspn(text, special);
    lab_utf8_append(out, text, plain);
    text += plain;
    if (*text)
      lab_buf_printf(out, "\\%c", *text == '\n' ? 'n' : *text);
    text += *text != '\0';
  }
}

void lab_exposition_escape(const char *text, lab_buf *out) {
  escape_text(text, true, out);
}

static void write_heading(lab_exposition *e, const char *what, size_t len) {
  lab_buf_printf(e->out, "# %s %.*s%s ", what, (int)len, e->name,
                 e->open ? "" : e->total);
}

static size_t measure_name(const lab_exposition *e) {
  return e->total[0] ? lab_metric_family_length(e->name) : strlen(e->name);
}

void lab_exposition_family(lab_exposition *e, const char *type,
                           const char *name, const char *help) {
  e->name = name;
  e->total = strcmp(type, "counter") == 0 ? "_total" : "";
  size_t len = measure_name(e);
  write_heading(e, "HELP", len);
  escape_text(help, e->open, e->out);
  lab_buf_putc(e->out, '\n');
  write_heading(e, "TYPE", len);
  /* Version 0.0.4 calls this type by another name. */
  bool untyped = !e->open && strcmp(type, "unknown") == 0;
  lab_buf_printf(e->out, "%s\n", untyped ? "untyped" : type);
}

void lab_exposition_part(lab_exposition *e, const char *suffix,
                         const char *labels, double value) {
  lab_buf_printf(e->out, "%.*s%s%s ", (int)measure_name(e), e->name, suffix,
                 labels);
  lab_buf_double(e->out, value);
  lab_buf_putc(e->out, '\n');
}

void lab_exposition_sample(lab_exposition *e, const char *labels,
                           double value) {
  lab_exposition_part(e, e->total, labels, value);
}

void lab_exposition_one(lab_exposition *e, const char *type, const char *name,
                        const char *help, double value) {
  lab_exposition_family(e, type, name, help);
  lab_exposition_sample(e, "", value);
}

/* A number in a label: le="1", as client_golang writes it, but le="1.0" in
 * OpenMetrics, which wants a point. */
static void write_bound(lab_exposition *e, const char *key, double bound) {
  lab_buf_printf(e->out, "%s=\"", key);
  lab_buf_double(e->out, bound);
  if (e->open && bound == floor(bound) && !isinf(bound))
    lab_buf_puts(e->out, ".0");
  lab_buf_putc(e->out, '"');
}

void lab_exposition_quantile(lab_exposition *e, double quantile, double value) {
  lab_buf_printf(e->out, "%s{", e->name);
  write_bound(e, "quantile", quantile);
  lab_buf_puts(e->out, "} ");
  lab_buf_double(e->out, value);
  lab_buf_putc(e->out, '\n');
}

void lab_exposition_histogram(lab_exposition *e, const char *labels,
                              const lab_histogram *h) {
  uint64_t count = 0;
  for (size_t i = 0; i <= LAB_HISTOGRAM_BOUNDS; i++) {
    count += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
    lab_buf_printf(e->out, "%s_bucket{%s%s", e->name, labels,
                   *labels ? "," : "");
    write_bound(e, "le",
                i < LAB_HISTOGRAM_BOUNDS ? lab_histogram_bound(i) : INFINITY);
    lab_buf_printf(e->out, "} %llu\n", (unsigned long long)count);
  }
  uint64_t sum = atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
  lab_buf_printf(e->out, "%s_sum%s%s%s ", e->name, *labels ? "{" : "", labels,
                 *labels ? "}" : "");
  lab_buf_double(e->out, (double)sum / 1e9);
  lab_buf_printf(e->out, "\n%s_count%s%s%s %llu\n", e->name, *labels ? "{" : "",
                 labels, *labels ? "}" : "", (unsigned long long)count);
}

void lab_exposition_end(lab_exposition *e) {
  if (e->open)
    lab_buf_puts(e->out, "# EOF\n");
}
