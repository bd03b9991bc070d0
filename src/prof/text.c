/* SPDX-License-Identifier: MIT
 * See text.h. */
#include "prof/text.h"

#include <inttypes.h>

#include "prof/export.h"
#include "prof/label.h"
#include "stack/codemap.h"
#include "stack/stack.h"

uint64_t lab_text_offset(lab_frame frame, bool leaf, const lab_symbol *symbol) {
  uint64_t address = lab_text_address(frame, leaf);
  if (lab_frame_is_script(address)) {
    int line = lab_frame_line(address);
    if (lab_frame_count_left_out(address) > 0)
      return 0;
    return line > symbol->start_line ? (uint64_t)(line - symbol->start_line)
                                     : 0;
  }
  uintptr_t start;
  return lab_code_name((uintptr_t)address, &start) ? address - start : 0;
}

static void write_frame_lines(lab_frame frame, bool leaf, lab_buf *out) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  uint64_t address = lab_text_address(frame, leaf);
  size_t n = lab_symbols_lookup(frame, leaf, symbols);
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(out, "#\t%#" PRIx64 "\t%s+0x%" PRIx64 "\t%s:%d\n", address,
                   symbols[i].name, lab_text_offset(frame, leaf, &symbols[i]),
                   symbols[i].file[0] ? symbols[i].file : "?", symbols[i].line);
}

static void write_labels_line(uint32_t label, lab_buf *out) {
  if (label == 0)
    return;
  lab_buf_puts(out, "# labels: ");
  lab_label_write(label, out);
  lab_buf_putc(out, '\n');
}

void lab_text_stack(uint32_t stack, uint32_t label, lab_buf *out) {
  const lab_frame *frames;
  if (stack == 0)
    stack = lab_export_pseudo("[unknown]");
  size_t n = lab_stack_frames(stack, &frames);
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(out, " %#" PRIx64, lab_text_address(frames[i], i == 0) + 1);
  lab_buf_putc(out, '\n');
  write_labels_line(label, out);
  for (size_t i = 0; i < n; i++)
    write_frame_lines(frames[i], i == 0, out);
  lab_buf_putc(out, '\n');
}
