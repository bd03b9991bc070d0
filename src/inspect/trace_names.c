/* SPDX-License-Identifier: MIT
 * See trace_names.h. */
#include "inspect/trace_names.h"

#include "stack/stack.h"
#include "stack/symbols.h"

/* The names of a whole stack, of which some are shown. */
typedef struct names {
  lab_trace_frame *out;
  size_t n;           /* written */
  size_t met;         /* so far */
  size_t leaves, end; /* shown: those before LEAVES, and from END on */
  size_t left_out;    /* of those that were met */
} names;

/* How many calls a name stands for. */
static size_t count_calls(lab_frame frame) {
  size_t left_out = lab_frame_count_left_out(frame);
  return left_out ? left_out : 1;
}

static void put_name(names *s, const lab_symbol *symbol) {
  s->out[s->n++] = (lab_trace_frame){symbol->name, symbol->file, symbol->line};
}

static void put_left_out(names *s) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  lab_symbols_lookup(lab_frame_left_out(s->left_out), false, symbols);
  put_name(s, &symbols[0]);
}

static void name_frame(names *s, lab_frame frame, bool leaf) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  size_t n = lab_symbols_lookup(frame, leaf, symbols);
  for (size_t i = 0; i < n; i++, s->met++) {
    if (s->met >= s->leaves && s->met < s->end)
      s->left_out += count_calls(frame);
    else
      put_name(s, &symbols[i]);
    if (s->left_out > 0 && s->met + 1 == s->end)
      put_left_out(s);
  }
}

static size_t count_names(const lab_frame *frames, size_t n) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    count += lab_symbols_lookup(frames[i], i == 0, symbols);
  return count;
}

size_t lab_trace_name(uint32_t stack, lab_trace_frame *out) {
  const lab_frame *frames;
  size_t n = lab_stack_frames(stack, &frames), count = count_names(frames, n);
  names s = {.out = out};
  if (count > LAB_TRACE_DEPTH) {
    s.leaves = LAB_TRACE_DEPTH - LAB_STACK_ROOTS - 1;
    s.end = count - LAB_STACK_ROOTS;
  }
  for (size_t i = 0; i < n; i++)
    name_frame(&s, frames[i], i == 0);
  if (s.n == 0)
    out[s.n++] = (lab_trace_frame){"[unknown]", "", 0};
  return s.n;
}
