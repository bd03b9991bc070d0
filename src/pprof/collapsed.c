/* SPDX-License-Identifier: MIT
 * See collapsed.h. The stacks' texts stand one after the other in one buffer;
 * a hash table finds the one that a sample is added to. */
#include "pprof/collapsed.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/table.h"
#include "base/utf8.h"

typedef struct stack_line {
  size_t at, len; /* in texts */
  int64_t value;
} stack_line;

typedef struct collapsed {
  lab_buf texts;
  lab_buf stack; /* of one sample, the root first */
  lab_table table;
  stack_line *lines;
  uint32_t n;
  lab_pprof_line *frames; /* of one sample, the leaf first */
  uint32_t *places;
  size_t room; /* for so many frames */
} collapsed;

/* ---- one stack ----------------------------------------------------------- */

/* A file that was sent may have any bytes in its names, and so may a request in
 * a label. */
static void append_clean(lab_buf *out, const char *name) {
  const char *end = name + strlen(name);
  if (out->len == 0 && (*name == '#' || *name == '{')) {
    lab_buf_putc(out, '_');
    name++;
  }
  for (size_t len; name < end; name += len ? len : 1) {
    len = lab_utf8_length(name, (size_t)(end - name));
    bool control = (unsigned char)*name < ' ' || *name == '\x7f' ||
                   lab_utf8_is_c1(name, len);
    if (control || *name == ';')
      lab_buf_putc(out, control ? ' ' : ':');
    else if (len > 0)
      lab_buf_append(out, name, len);
    else
      lab_utf8_append(out, name, 1); /* which is valid then */
  }
}

static void append_number(lab_buf *out, const lab_pprof_label *l) {
  lab_buf_printf(out, "%" PRId64, l->num);
  append_clean(out, l->unit);
}

static void append_key(lab_buf *out, const char *key) {
  append_clean(out, key);
  lab_buf_putc(out, '=');
}

/* The root frame for the label KEY of S. */
static void append_label_frame(lab_buf *out, const lab_pprof_sample *s,
                               const char *key) {
  bool found = false;
  for (uint32_t i = 0; i < s->nlabels; i++) {
    const lab_pprof_label *l = &s->labels[i];
    if (strcmp(l->key, key) != 0)
      continue;
    if (found)
      lab_buf_putc(out, ',');
    else
      append_key(out, key);
    found = true;
    if (l->str)
      append_clean(out, l->str);
    else
      append_number(out, l);
  }
  if (!found) {
    lab_buf_puts(out, "[no ");
    append_clean(out, key);
    lab_buf_putc(out, ']');
  }
  lab_buf_putc(out, ';');
}

static void append_frame_name(lab_buf *out, const lab_pprof *p,
                              const lab_pprof_line *frame, uint32_t place) {
  size_t before = out->len;
  if (frame->function != LAB_PPROF_NONE)
    append_clean(out, p->functions[frame->function].name);
  else
    lab_buf_printf(out, "0x%" PRIx64, p->locations[place].address);
  if (out->len == before)
    lab_buf_puts(out, "[unknown]");
}

static size_t collect_frames(collapsed *c, const lab_pprof *p,
                             const lab_pprof_sample *s) {
  lab_pprof_walk walk = {.p = p, .s = s};
  lab_pprof_line frame;
  uint32_t place;
  size_t n = 0;
  while (lab_pprof_next_frame(&walk, &frame, &place)) {
    if (n == c->room) {
      c->room = c->room ? 2 * c->room : 256;
      c->frames = lab_xrealloc(c->frames, c->room * sizeof *c->frames);
      c->places = lab_xrealloc(c->places, c->room * sizeof *c->places);
    }
    c->frames[n] = frame;
    c->places[n++] = place;
  }
  return n;
}

static void write_folded_stack(collapsed *c, const lab_pprof *p,
                               const lab_pprof_sample *s, const char *label,
                               bool less) {
  lab_buf_clear(&c->stack);
  if (less)
    lab_buf_puts(&c->stack, LAB_COLLAPSED_LESS ";");
  if (label)
    append_label_frame(&c->stack, s, label);
  size_t n = collect_frames(c, p, s);
  if (n == 0)
    lab_buf_puts(&c->stack, "[unknown]");
  for (size_t i = n; i-- > 0;) {
    append_frame_name(&c->stack, p, &c->frames[i], c->places[i]);
    if (i > 0)
      lab_buf_putc(&c->stack, ';');
  }
}

/* ---- the whole ----------------------------------------------------------- */

static stack_line *find_line(collapsed *c) {
  uint64_t hash = lab_hash_bytes(c->stack.data, c->stack.len, 0);
  lab_table_walk walk = lab_table_find(&c->table, hash);
  for (uint32_t number; (number = lab_table_next(&walk));) {
    stack_line *l = &c->lines[number - 1];
    if (l->len == c->stack.len &&
        memcmp(c->texts.data + l->at, c->stack.data, l->len) == 0)
      return l;
  }
  if ((c->n & (c->n - 1)) == 0) /* full at powers of two */
    c->lines = lab_xrealloc(c->lines,
                            (c->n ? 2 * (size_t)c->n : 1) * sizeof *c->lines);
  c->lines[c->n++] = (stack_line){c->texts.len, c->stack.len, 0};
  lab_buf_append(&c->texts, c->stack.data, c->stack.len);
  lab_table_add(&c->table, hash, c->n);
  return &c->lines[c->n - 1];
}

/* The sum, or the largest number if there is none so large. */
static int64_t add_saturated(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t negate_value(int64_t value) {
  return value == INT64_MIN ? INT64_MAX : -value;
}

/* The lines with, or without, a frame that calls another one. */
static void write_lines(const collapsed *c, bool calls, lab_buf *out) {
  for (uint32_t i = 0; i < c->n; i++) {
    const char *stack = c->texts.data + c->lines[i].at;
    size_t len = c->lines[i].len;
    if ((memchr(stack, ';', len) != NULL) != calls)
      continue;
    lab_buf_append(out, stack, len);
    lab_buf_printf(out, " %" PRId64 "\n", c->lines[i].value);
  }
}

void lab_collapsed_write(const lab_pprof *p, size_t type, const char *label,
                         lab_buf *out) {
  collapsed c = {.texts = LAB_BUF_INIT, .stack = LAB_BUF_INIT};
  for (size_t i = 0; i < p->nsamples; i++) {
    const lab_pprof_sample *s = &p->samples[i];
    int64_t value = s->values[type];
    if (value == 0)
      continue;
    write_folded_stack(&c, p, s, label, value < 0);
    stack_line *l = find_line(&c);
    l->value = add_saturated(l->value, value < 0 ? negate_value(value) : value);
  }
  write_lines(&c, true, out);
  write_lines(&c, false, out);
  lab_buf_free(&c.texts);
  lab_buf_free(&c.stack);
  lab_table_free(&c.table);
  lab_xfree(c.lines);
  lab_xfree(c.frames);
  lab_xfree(c.places);
}
