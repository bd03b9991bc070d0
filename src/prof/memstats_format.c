/* SPDX-License-Identifier: MIT
 * See memstats_format.h. Both forms are tables of fields: name, place. */
#include "prof/memstats_format.h"

#include <inttypes.h>

typedef struct field {
  const char *name;
  size_t offset; /* of a uint64_t in lab_memstats */
} field;

#define FIELD(name, member)                                                    \
  { name, offsetof(lab_memstats, member) }
#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t value_of(const lab_memstats *s, size_t offset) {
  return *(const uint64_t *)(const void *)((const char *)s + offset);
}

/* ---- JSON ---------------------------------------------------------------- */

static const field json_fields[] = {
    FIELD("Alloc", alloc),
    FIELD("TotalAlloc", total_alloc),
    FIELD("Sys", sys),
    FIELD("Lookups", lookups),
    FIELD("Mallocs", mallocs),
    FIELD("Frees", frees),
    FIELD("HeapAlloc", heap_alloc),
    FIELD("HeapSys", heap_sys),
    FIELD("HeapIdle", heap_idle),
    FIELD("HeapInuse", heap_inuse),
    FIELD("HeapReleased", heap_released),
    FIELD("HeapObjects", heap_objects),
    FIELD("StackInuse", stack_inuse),
    FIELD("StackSys", stack_sys),
    FIELD("MSpanInuse", mspan_inuse),
    FIELD("MSpanSys", mspan_sys),
    FIELD("MCacheInuse", mcache_inuse),
    FIELD("MCacheSys", mcache_sys),
    FIELD("BuckHashSys", buck_hash_sys),
    FIELD("GCSys", gc_sys),
    FIELD("OtherSys", other_sys),
    FIELD("NextGC", next_gc),
    FIELD("LastGC", last_gc),
    FIELD("PauseTotalNs", pause_total_ns),
};

static void write_json_list(lab_json *j, const char *key,
                            const uint64_t *values, size_t n) {
  lab_json_key(j, key);
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < n; i++)
    lab_json_uint(j, values[i]);
  lab_json_end(j);
}

static void write_json_number(lab_json *j, const char *key, uint64_t n) {
  lab_json_key(j, key);
  lab_json_uint(j, n);
}

static void write_json_sizes(lab_json *j, const lab_memstats *s) {
  lab_json_key(j, "BySize");
  lab_json_begin_array(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < LAB_MEMSTATS_SIZES; i++) {
    lab_json_begin_object(j, LAB_JSON_COMPACT);
    write_json_number(j, "Size", s->by_size[i].size);
    write_json_number(j, "Mallocs", s->by_size[i].mallocs);
    write_json_number(j, "Frees", s->by_size[i].frees);
    lab_json_end(j);
  }
  lab_json_end(j);
}

void lab_memstats_add_json(const lab_memstats *s, lab_json *j) {
  lab_json_begin_object(j, LAB_JSON_COMPACT);
  for (size_t i = 0; i < COUNT(json_fields); i++)
    write_json_number(j, json_fields[i].name,
                      value_of(s, json_fields[i].offset));
  write_json_list(j, "PauseNs", s->pause_ns, LAB_MEMSTATS_PAUSES);
  write_json_list(j, "PauseEnd", s->pause_end, LAB_MEMSTATS_PAUSES);
  write_json_number(j, "NumGC", s->num_gc);
  write_json_number(j, "NumForcedGC", s->num_forced_gc);
  lab_json_key(j, "GCCPUFraction");
  lab_json_double(j, s->gc_cpu_fraction);
  lab_json_key(j, "EnableGC");
  lab_json_bool(j, s->enable_gc);
  lab_json_key(j, "DebugGC");
  lab_json_bool(j, s->debug_gc);
  write_json_sizes(j, s);
  lab_json_end(j);
}

/* ---- text ---------------------------------------------------------------- */

static const field text_heap[] = {
    FIELD("Alloc", alloc),
    FIELD("TotalAlloc", total_alloc),
    FIELD("Sys", sys),
    FIELD("Lookups", lookups),
    FIELD("Mallocs", mallocs),
    FIELD("Frees", frees),
    FIELD("HeapAlloc", heap_alloc),
    FIELD("HeapSys", heap_sys),
    FIELD("HeapIdle", heap_idle),
    FIELD("HeapInuse", heap_inuse),
    FIELD("HeapReleased", heap_released),
    FIELD("HeapObjects", heap_objects),
};

static const field text_rest[] = {
    FIELD("BuckHashSys", buck_hash_sys),
    FIELD("GCSys", gc_sys),
    FIELD("OtherSys", other_sys),
    FIELD("NextGC", next_gc),
    FIELD("LastGC", last_gc),
};

static void write_text_list(const uint64_t *values, size_t n, lab_buf *out) {
  lab_buf_putc(out, '[');
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(out, "%s%" PRIu64, i > 0 ? " " : "", values[i]);
  lab_buf_putc(out, ']');
}

static void write_stat_lines(const lab_memstats *s, const field *fields,
                             size_t n, lab_buf *out) {
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(out, "# %s = %" PRIu64 "\n", fields[i].name,
                   value_of(s, fields[i].offset));
}

/* "in use / obtained from the system" */
static void write_pair(const char *name, uint64_t inuse, uint64_t sys,
                       lab_buf *out) {
  lab_buf_printf(out, "# %s = %" PRIu64 " / %" PRIu64 "\n", name, inuse, sys);
}

void lab_memstats_write_text(const lab_memstats *s, lab_buf *out) {
  lab_buf_puts(out, "# runtime.MemStats\n");
  write_stat_lines(s, text_heap, COUNT(text_heap), out);
  write_pair("Stack", s->stack_inuse, s->stack_sys, out);
  write_pair("MSpan", s->mspan_inuse, s->mspan_sys, out);
  write_pair("MCache", s->mcache_inuse, s->mcache_sys, out);
  write_stat_lines(s, text_rest, COUNT(text_rest), out);
  lab_buf_puts(out, "# PauseNs = ");
  write_text_list(s->pause_ns, LAB_MEMSTATS_PAUSES, out);
  lab_buf_puts(out, "\n# PauseEnd = ");
  write_text_list(s->pause_end, LAB_MEMSTATS_PAUSES, out);
  lab_buf_printf(out, "\n# NumGC = %u\n# NumForcedGC = %u\n# GCCPUFraction = ",
                 s->num_gc, s->num_forced_gc);
  lab_buf_double(out, s->gc_cpu_fraction);
  lab_buf_printf(out, "\n# DebugGC = %s\n# MaxRSS = %" PRIu64 "\n",
                 s->debug_gc ? "true" : "false", s->max_rss);
}
