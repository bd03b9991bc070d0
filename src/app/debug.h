/* SPDX-License-Identifier: MIT
 * Where a debugger begins: tools/gdb finds everything from here, in a stopped
 * process as in a core file, and by the names of types and fields in the
 * program's debug information. Whoever renames one has tests/integration/
 * test_gdb.lua to tell. */
#ifndef LAB_APP_DEBUG_H
#define LAB_APP_DEBUG_H

#include "diaglab/diaglab.h"

typedef struct lab_debug_root {
  lab_app *app;    /* NULL: there is no lab */
  const void *lua; /* lab_lua_layout, which is linked in by this */
} lab_debug_root;

extern lab_debug_root lab_debug;

#endif
