/* SPDX-License-Identifier: MIT
 * See trace_names.h. */
#include "inspect/trace_names.h"

#include "stack/stack.h"
#include "stack/symbols.h"

static size_t name_frame(lab_frame frame, bool leaf, lab_trace_frame *out,
                         size_t max) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  size_t n = lab_symbols_lookup(frame, leaf, symbols);
  for (size_t i = 0; i < n && i < max; i++)
    out[i] =
        (lab_trace_frame){symbols[i].name, symbols[i].file, symbols[i].line};
  return n < max ? n : max;
}

size_t lab_trace_name(uint32_t stack, lab_trace_frame *out) {
  const lab_frame *frames;
  size_t n = lab_stack_frames(stack, &frames), named = 0;
  for (size_t i = 0; i < n && named < LAB_TRACE_DEPTH; i++)
    named +=
        name_frame(frames[i], i == 0, out + named, LAB_TRACE_DEPTH - named);
  if (named == 0)
    out[named++] = (lab_trace_frame){"[unknown]", "", 0};
  return named;
}
