/* SPDX-License-Identifier: MIT
 * See counts.h. The text form is
 *
 *   lab.OpenFiles profile: total 7
 *   5 @ 0x55d0c0de1235 0x8000000100000005
 *   #   0x55d0c0de1234   lab_file_open+0x34   /src/prim/file.c:40
 *   ... */
#include "prof/counts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "pprof/tabwriter.h"
#include "prof/export.h"
#include "prof/text.h"

static int64_t *numbers_of(const lab_counts *c) {
  return (int64_t *)(void *)c->numbers.data;
}

void lab_counts_add(lab_counts *c, uint32_t stack, uint32_t label, int64_t by) {
  size_t known = c->keys.count;
  size_t i = lab_keymap_add(&c->keys, (lab_key){stack, label, 0});
  int64_t none = 0;
  if (i == known)
    lab_buf_append(&c->numbers, &none, sizeof none);
  numbers_of(c)[i] += by;
}

int64_t lab_counts_get(const lab_counts *c, size_t i) {
  return numbers_of(c)[i];
}

void lab_counts_free(lab_counts *c) {
  lab_keymap_free(&c->keys);
  lab_buf_free(&c->numbers);
}

int lab_counts_write(const lab_counts *c, const lab_counts_about *about,
                     lab_buf *out) {
  lab_profile_type type = {about->name, "count"};
  lab_profile_config config = {.types = &type,
                               .ntypes = 1,
                               .period_type = type,
                               .period = 1,
                               .time_ns = (int64_t)about->taken,
                               .duration_ns = (int64_t)about->duration,
                               .drop_zero = true};
  lab_export *e = lab_export_new(&config, about->attempt);
  for (size_t i = 0; i < c->keys.count; i++) {
    const lab_key *key = &c->keys.keys[i];
    lab_export_sample(e, (uint32_t)key->a, (uint32_t)key->b, 0,
                      &numbers_of(c)[i]);
  }
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  return rc;
}

/* ---- text ---------------------------------------------------------------- */

typedef struct record {
  int64_t count;
  uint32_t stack, label;
} record;

static int compare_counts(const void *x, const void *y) {
  const record *a = x, *b = y;
  if (a->count != b->count)
    return a->count < b->count ? 1 : -1;
  if (a->stack != b->stack)
    return a->stack > b->stack ? 1 : -1;
  return (a->label > b->label) - (a->label < b->label);
}

static record *sort_counts(const lab_counts *c) {
  record *r = lab_xmalloc(c->keys.count * sizeof *r);
  for (size_t i = 0; i < c->keys.count; i++) {
    const lab_key *key = &c->keys.keys[i];
    r[i] = (record){numbers_of(c)[i], (uint32_t)key->a, (uint32_t)key->b};
  }
  qsort(r, c->keys.count, sizeof *r, compare_counts);
  return r;
}

static int64_t sum_counts(const lab_counts *c) {
  int64_t sum = 0;
  for (size_t i = 0; i < c->keys.count; i++)
    sum += numbers_of(c)[i];
  return sum;
}

void lab_counts_write_text(const lab_counts *c, const char *name,
                           lab_buf *out) {
  lab_buf text = LAB_BUF_INIT;
  record *records = sort_counts(c);
  lab_buf_printf(&text, "%s profile: total %" PRId64 "\n", name, sum_counts(c));
  for (size_t i = 0; i < c->keys.count; i++) {
    if (records[i].count == 0)
      continue;
    lab_buf_printf(&text, "%" PRId64 " @", records[i].count);
    lab_text_stack(records[i].stack, records[i].label, &text);
  }
  lab_tabwriter_format(text.data, text.len, out);
  lab_xfree(records);
  lab_buf_free(&text);
}
