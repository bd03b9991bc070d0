/* SPDX-License-Identifier: MIT
 * See report.h. */
#include "load/report.h"

#include <inttypes.h>
#include <math.h>

#include "base/clock.h"
#include "base/json.h"

enum { BAR_WIDTH = 40 };

static const struct {
  const char *name;
  double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};

enum { PERCENTILES = sizeof percentiles / sizeof *percentiles };

static uint64_t count_answered(const lab_load_result *r) {
  uint64_t n = 0;
  for (int i = 1; i < 6; i++)
    n += r->status[i];
  return n;
}

uint64_t lab_load_count_failed(const lab_load_result *r) {
  return r->status[0] + r->status[1] + r->status[4] + r->status[5] + r->unsent;
}

static double count_seconds(const lab_load_result *r) {
  return (double)r->elapsed_ns / 1e9;
}

static double find_rate(const lab_load_result *r) {
  return r->elapsed_ns ? (double)count_answered(r) / count_seconds(r) : 0;
}

/* A duration with three digits: 1.24ms. */
static void write_short_duration(uint64_t ns, lab_buf *out) {
  char text[LAB_DURATION_MAX];
  uint64_t step = 1;
  while (ns / step >= 1000)
    step *= 10;
  lab_clock_format(text, (ns + step / 2) / step * step);
  lab_buf_puts(out, text);
}

/* ---- the bounds of the histogram ------------------------------------------
 */

/* 1, 2, 5, 10, 20, 50, ... ns. */
static uint64_t find_bound(unsigned i) {
  static const uint64_t digits[] = {1, 2, 5};
  uint64_t bound = digits[i % 3];
  for (unsigned j = 0; j < i / 3; j++)
    bound *= 10;
  return bound;
}

typedef struct bar {
  uint64_t bound, count;
} bar;

enum { BARS = 45 }; /* up to 5e14 ns */

/* The bars from the least value to the greatest; how many. */
static size_t find_bars(const lab_hdr *h, bar bars[BARS]) {
  uint64_t before = 0;
  size_t n = 0;
  for (unsigned i = 0; i < BARS && before < h->count; i++) {
    uint64_t bound = find_bound(i), to = lab_hdr_count_to(h, bound);
    if (bound >= h->greatest)
      to = h->count;
    if (n > 0 || to > 0)
      bars[n++] = (bar){bound, to - before};
    before = to;
  }
  return n;
}

/* ---- text -----------------------------------------------------------------
 */

void lab_load_report_line(const lab_load_result *r, lab_buf *out) {
  uint64_t failed = lab_load_count_failed(r);
  lab_buf_printf(out, "%.1fs: %" PRIu64 " requests, %.0f per second, p99 ",
                 count_seconds(r), count_answered(r) + r->status[0],
                 find_rate(r));
  write_short_duration(lab_hdr_percentile(r->latency, 99), out);
  if (failed)
    lab_buf_printf(out, ", %" PRIu64 " failed", failed);
}

static void write_bars(const lab_hdr *h, lab_buf *out) {
  bar bars[BARS];
  size_t n = find_bars(h, bars);
  uint64_t most = 1;
  for (size_t i = 0; i < n; i++)
    most = bars[i].count > most ? bars[i].count : most;
  for (size_t i = 0; i < n; i++) {
    lab_buf text = LAB_BUF_INIT;
    write_short_duration(bars[i].bound, &text);
    /* µ has two bytes and one column. */
    int width = 8 + (bars[i].bound < 1000000 && bars[i].bound >= 1000);
    lab_buf_printf(out, "  %*.*s %9" PRIu64, width, (int)text.len, text.data,
                   bars[i].count);
    lab_buf_free(&text);
    uint64_t length = (bars[i].count * BAR_WIDTH + most - 1) / most;
    if (length > 0)
      lab_buf_putc(out, ' ');
    for (uint64_t j = 0; j < length; j++)
      lab_buf_putc(out, '#');
    lab_buf_putc(out, '\n');
  }
}

static void write_statuses(const lab_load_result *r, lab_buf *out) {
  for (int i = 1; i < 6; i++)
    if (r->status[i])
      lab_buf_printf(out, "  %dxx        %" PRIu64 "\n", i, r->status[i]);
  if (r->status[0])
    lab_buf_printf(out, "  no answer  %" PRIu64 "\n", r->status[0]);
  if (r->unsent)
    lab_buf_printf(out, "  not sent   %" PRIu64 ": no client was free\n",
                   r->unsent);
  if (r->error[0])
    lab_buf_printf(out, "  first failure: %s\n", r->error);
}

static void write_latency(const lab_hdr *h, lab_buf *out) {
  lab_buf_puts(out, "Latency\n  mean       ");
  write_short_duration((uint64_t)lab_hdr_mean(h), out);
  for (int i = 0; i < PERCENTILES; i++) {
    lab_buf_printf(out, "\n  %-10s ", percentiles[i].name);
    write_short_duration(lab_hdr_percentile(h, percentiles[i].percent), out);
  }
  lab_buf_puts(out, "\n  max        ");
  write_short_duration(h->greatest, out);
  lab_buf_puts(out, "\nHow many took up to ...\n");
  write_bars(h, out);
}

void lab_load_report_text(const lab_load_result *r, const char *url,
                          lab_buf *out) {
  lab_buf_printf(out, "%" PRIu64 " requests to %s in ", r->sent, url);
  write_short_duration(r->elapsed_ns, out);
  lab_buf_printf(out, ", %.1f answers per second%s\n", find_rate(r),
                 r->cancelled ? " (interrupted)" : "");
  write_statuses(r, out);
  if (r->latency->count)
    write_latency(r->latency, out);
}

/* ---- JSON ------------------------------------------------------------------
 */

static void write_seconds(lab_json *j, const char *key, uint64_t ns) {
  lab_json_key(j, key);
  lab_json_decimal(j, ns, 9);
}

static void write_count(lab_json *j, const char *key, uint64_t n) {
  lab_json_key(j, key);
  lab_json_uint(j, n);
}

static void write_json_statuses(lab_json *j, const lab_load_result *r) {
  static const char *const names[] = {"none", "1xx", "2xx",
                                      "3xx",  "4xx", "5xx"};
  lab_json_key(j, "status");
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  for (int i = 0; i < 6; i++)
    write_count(j, names[i], r->status[i]);
  lab_json_end(j);
}

static void write_json_latency(lab_json *j, const lab_hdr *h) {
  bar bars[BARS];
  size_t n = find_bars(h, bars);
  lab_json_key(j, "latency");
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  write_seconds(j, "mean", (uint64_t)lab_hdr_mean(h));
  for (int i = 0; i < PERCENTILES; i++)
    write_seconds(j, percentiles[i].name,
                  lab_hdr_percentile(h, percentiles[i].percent));
  write_seconds(j, "max", h->greatest);
  lab_json_end(j);
  lab_json_key(j, "histogram");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < n; i++) {
    lab_json_begin_array(j, LAB_JSON_COMPACT);
    lab_json_decimal(j, bars[i].bound, 9);
    lab_json_uint(j, bars[i].count);
    lab_json_end(j);
  }
  lab_json_end(j);
}

void lab_load_report_json(const lab_load_result *r, const char *url,
                          lab_buf *out) {
  lab_json j;
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_COMPACT);
  lab_json_key(&j, "url");
  lab_json_text(&j, url);
  write_count(&j, "requests", r->sent);
  write_json_statuses(&j, r);
  write_count(&j, "timeouts", r->timeouts);
  write_count(&j, "unsent", r->unsent);
  write_count(&j, "connections", r->connections);
  write_count(&j, "bytes", r->bytes);
  write_seconds(&j, "seconds", r->elapsed_ns);
  lab_json_key(&j, "rate");
  lab_json_double(&j, find_rate(r));
  write_json_latency(&j, r->latency);
  lab_json_key(&j, "error");
  lab_json_text(&j, r->error);
  lab_json_key(&j, "interrupted");
  lab_json_bool(&j, r->cancelled);
  lab_json_end(&j);
  lab_json_finish(&j);
}
