/* SPDX-License-Identifier: MIT
 * See gperf.h. */
#include "prof/gperf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "prof/export.h"
#include "prof/heap_internal.h"
#include "stack/stack.h"

/* If no descriptor is left the maps are missing. Only readers that look the
 * addresses up by themselves need them. */
static void append_maps(lab_buf *out) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  ssize_t n;
  while ((n = read(fd, lab_buf_reserve(out, 4096), 4096)) > 0)
    out->len += (size_t)n;
  close(fd);
}

/* The address of frame I of a stack, as the profile shows it. The script skips
 * addresses with bit 63 set, so places in Lua get bit 62 instead. */
static uint64_t gperf_address(const lab_frame *frames, size_t i) {
  uint64_t address = lab_text_address(frames[i], i == 0);
  if (lab_frame_is_script(address))
    address ^= LAB_TEXT_LOW;
  return address + (i > 0);
}

static size_t find_frames(uint32_t stack, const lab_frame **frames) {
  return lab_stack_frames(stack ? stack : lab_export_pseudo("[unknown]"),
                          frames);
}

/* ---- CPU ----------------------------------------------------------------- */

typedef struct cpu_writer {
  lab_buf *out;
  bool has_stacks;
} cpu_writer;

static void append_word(lab_buf *out, uint64_t value) {
  lab_buf_append(out, &value, sizeof value);
}

static void append_record(lab_buf *out, int64_t samples,
                          const lab_frame *frames, size_t n) {
  append_word(out, (uint64_t)samples);
  append_word(out, n);
  for (size_t i = 0; i < n; i++)
    append_word(out, gperf_address(frames, i));
}

/* If the second address of all stacks is the same, the script takes it for the
 * frame of a profiler's signal handler, and takes it out; then it looks at what
 * is the second one now. Of a program that does one thing only, nearly nothing
 * would be left. So there is a stack without a second address, and without
 * samples. */
static void write_cpu_stack(uint32_t stack, uint32_t label, int64_t count,
                            int64_t ns, void *arg) {
  cpu_writer *w = arg;
  const lab_frame *frames;
  size_t n = find_frames(stack, &frames);
  (void)label;
  (void)ns;
  if (!w->has_stacks)
    append_record(w->out, 0, frames, 1);
  w->has_stacks = true;
  if (count > 0) /* there is no other value that it could have */
    append_record(w->out, count, frames, n);
}

void lab_gperf_write_cpu(const lab_cpu_session *session, lab_buf *out) {
  const uint64_t header[] = {0, 3, 0, lab_cpu_period_us(session), 0};
  const uint64_t trailer[] = {0, 1, 0};
  lab_buf_append(out, header, sizeof header);
  cpu_writer w = {.out = out};
  lab_cpu_each(session, write_cpu_stack, &w);
  lab_buf_append(out, trailer, sizeof trailer);
  append_maps(out);
}

/* ---- heap ---------------------------------------------------------------- */

static void write_heap_counts(const lab_heap_snapshot *s, size_t i,
                              lab_buf *out) {
  lab_heap_amount inuse = lab_heap_inuse(s, i);
  lab_heap_amount allocs = lab_heap_allocated(s, i);
  lab_buf_printf(out, "%" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "] @",
                 inuse.samples, inuse.sampled_bytes, allocs.samples,
                 allocs.sampled_bytes);
}

/* Sums of objects and bytes: sizes aren't the same. */
static void write_heap_header(const lab_heap_snapshot *s, lab_buf *out) {
  uint64_t inuse = 0, inuse_bytes = 0, allocs = 0, alloc_bytes = 0;
  for (size_t i = 0; i < s->n; i++) {
    lab_heap_amount used = lab_heap_inuse(s, i);
    lab_heap_amount allocated = lab_heap_allocated(s, i);
    inuse += used.samples;
    inuse_bytes += used.sampled_bytes;
    allocs += allocated.samples;
    alloc_bytes += allocated.sampled_bytes;
  }
  lab_buf_printf(out,
                 "heap profile: %" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64
                 "] @ heap_v2/%" PRIu64 "\n",
                 inuse, inuse_bytes, allocs, alloc_bytes, s->rate);
}

void lab_gperf_write_heap(const lab_heap_snapshot *s, lab_buf *out) {
  write_heap_header(s, out);
  for (size_t i = 0; i < s->n; i++) {
    const lab_frame *frames;
    if (s->buckets[i].serial == 0)
      continue;
    size_t n = find_frames(s->buckets[i].stack, &frames);
    write_heap_counts(s, i, out);
    for (size_t j = 0; j < n; j++)
      lab_buf_printf(out, " %#" PRIx64, gperf_address(frames, j));
    lab_buf_putc(out, '\n');
  }
  lab_buf_puts(out, "\nMAPPED_LIBRARIES:\n");
  append_maps(out);
}
