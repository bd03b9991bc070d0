/* SPDX-License-Identifier: MIT
 * See text_address.h. */
#include "prof/text_address.h"

#include "stack/symbols.h"

uint64_t lab_text_address(lab_frame frame, bool leaf) {
  return leaf || frame == 0 || lab_frame_is_script(frame) ? frame : frame - 1;
}

static bool append_script_name(lab_frame frame, lab_buf *out) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  char left_out[LAB_LEFT_OUT_NAME];
  if (!lab_func_get(lab_frame_func(frame)))
    return false;
  size_t n = lab_frame_count_left_out(frame);
  if (n > 0) { /* there are as many names as numbers: not lab_symbols_lookup */
    lab_buf_append(out, left_out, lab_frame_name_left_out(left_out, n));
    return true;
  }
  lab_symbols_lookup(frame, true, symbols);
  lab_buf_puts(out, symbols[0].name);
  return true;
}

bool lab_text_name(uint64_t address, lab_buf *out) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  if (address >> 62 == 1)
    address ^= LAB_TEXT_LOW;
  if (lab_frame_is_script(address))
    return append_script_name(address, out);
  if (lab_symbols_peek(address, symbols) == 0)
    return false;
  lab_buf_puts(out, symbols[0].name);
  return true;
}
