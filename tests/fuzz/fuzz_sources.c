/* SPDX-License-Identifier: MIT
 * Takes any bytes for a chunk of Lua. Checked: no crash, no endless loop, and
 * each name can stand in a profile. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stack/luanames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const lab_luaname *names, size_t i) {
  size_t len = strnlen(names[i].name, LAB_LUANAME_MAX);
  if (len == 0 || len == LAB_LUANAME_MAX)
    abort();
  for (size_t k = 0; k < len; k++)
    if ((unsigned char)names[i].name[k] < 0x20)
      abort();
  if (names[i].line < 1 || (i > 0 && names[i].line <= names[i - 1].line))
    abort(); /* the registry searches by line, so lines must ascend */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_luaname *names;
  size_t n = lab_luanames_find((const char *)data, size, &names);
  for (size_t i = 0; i < n; i++)
    check_name(names, i);
  lab_xfree(names);
  return 0;
}
