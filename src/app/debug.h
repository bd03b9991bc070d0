/* SPDX-License-Identifier: MIT
 * Where a debugger begins. The script in tools/gdb finds everything from here,
 * in a stopped process and in a core file, by the names of types and fields in
 * the program's debug information. If a name that it needs is changed,
 * tests/integration/test_gdb.lua fails. */
#ifndef LAB_APP_DEBUG_H
#define LAB_APP_DEBUG_H

#include "diaglab/diaglab.h"

typedef struct lab_debug_root {
  lab_app *app;    /* NULL: there is no lab */
  const void *lua; /* lab_lua_layout; so the linker keeps it */
} lab_debug_root;

extern lab_debug_root lab_debug;

#endif
