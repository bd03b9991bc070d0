/* SPDX-License-Identifier: MIT
 * See text_address.h. */
#include "prof/text_address.h"

#include <stddef.h>

#include "stack/symbols.h"

uint64_t lab_text_address(lab_frame frame, bool leaf) {
  return leaf || frame == 0 || lab_frame_is_script(frame) ? frame : frame - 1;
}

const char *lab_text_name(uint64_t address) {
  if (address == 0)
    return NULL;
  if (address >> 62 == 1)
    address ^= LAB_TEXT_LOW;
  if (lab_frame_is_script(address) &&
      !lab_func_get(lab_frame_func((lab_frame)address)))
    return NULL;
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  lab_symbols_lookup(address, true, symbols);
  if (symbols[0].mapping < 0 && !lab_frame_is_script(address))
    return NULL;
  return symbols[0].name;
}
