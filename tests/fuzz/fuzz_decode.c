/* SPDX-License-Identifier: MIT
 * Reads any bytes as a profile, and asks it everything.
 *
 * Checked: references stay within the profile, a refusal says why, the parts of
 * a sum add up, the tree of stacks has the same sums, and a profile without
 * itself is empty. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "pprof/delta.h"
#include "pprof/flame.h"
#include "pprof/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const lab_pprof_limits limits = {.input = 1 << 20,
                                        .unpacked = 1 << 20,
                                        .memory = 1 << 24,
                                        .samples = 1000,
                                        .locations = 1000,
                                        .functions = 1000,
                                        .strings = 10000,
                                        .frames = 10000};

static void check_references(const lab_pprof *p) {
  for (size_t i = 0; i < p->nfunctions; i++) {
    uint32_t first = p->functions[i].first;
    LAB_ASSERT(first <= i &&
               strcmp(p->functions[first].name, p->functions[i].name) == 0);
  }
  for (size_t i = 0; i < p->nlines; i++)
    LAB_ASSERT(p->lines[i].function < p->nfunctions);
  for (size_t i = 0; i < p->nlocations; i++)
    LAB_ASSERT(p->locations[i].mapping == LAB_PPROF_NONE ||
               p->locations[i].mapping < p->nmappings);
  for (size_t i = 0; i < p->nsamples; i++)
    for (uint32_t j = 0; j < p->samples[i].nlocations; j++)
      LAB_ASSERT(p->samples[i].locations[j] < p->nlocations);
}

/* Sums that overflow are told apart by their size. */
static bool is_small(const lab_pprof *p, size_t type) {
  for (size_t i = 0; i < p->nsamples; i++) {
    int64_t value = p->samples[i].values[type];
    if (value > INT64_MAX / 1000 || value < INT64_MIN / 1000)
      return false;
  }
  return true;
}

static void check_flame(const lab_pprof_query *q, size_t type, int64_t part) {
  lab_flame f = lab_flame_new(q, type, 500);
  LAB_ASSERT(f.nodes[0].total == part);
  for (size_t i = 0; i < f.n; i++) {
    int64_t sum = f.nodes[i].self;
    for (uint32_t c = f.nodes[i].child; c; c = f.nodes[c].next) {
      LAB_ASSERT(c > i && c < f.n && f.nodes[c].parent == i);
      sum += f.nodes[c].total;
    }
    LAB_ASSERT(sum == f.nodes[i].total);
  }
  lab_flame_free(&f);
}

static void check_queries(const lab_pprof *p, size_t type) {
  const char *name = p->nfunctions ? p->functions[0].name : "f";
  lab_pprof_filter with = {.under = &name, .nunder = 1};
  lab_pprof_filter without = {.absent = name};
  lab_pprof_query *q = lab_pprof_query_new(p, &with);
  lab_pprof_query *rest = lab_pprof_query_new(p, &without);
  lab_pprof_sum a = lab_pprof_query_sum(q, type);
  lab_pprof_sum b = lab_pprof_query_sum(rest, type);
  lab_pprof_row rows[5];
  size_t n = lab_pprof_query_top(q, type, true, rows, 5);
  LAB_ASSERT(n <= 5);
  if (is_small(p, type)) {
    LAB_ASSERT(a.whole == b.whole && a.part + b.part == a.whole);
    check_flame(q, type, a.part);
  }
  lab_pprof_query_free(q);
  lab_pprof_query_free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_pprof *p, *same;
  lab_err err = {""};
  if (lab_pprof_decode(&p, data, size, &limits, &err)) {
    LAB_ASSERT(!p && err.text[0]);
    return 0;
  }
  check_references(p);
  for (size_t type = 0; type < p->ntypes && type < 3; type++)
    check_queries(p, type);
  LAB_ASSERT(lab_pprof_decode(&same, data, size, &limits, &err) == 0);
  size_t lost;
  LAB_ASSERT(lab_pprof_subtract(p, same, &lost, &err) == 0 && lost == 0);
  lab_pprof_free(p);
  lab_pprof_free(same);
  return 0;
}
