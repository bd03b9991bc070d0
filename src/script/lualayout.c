/* SPDX-License-Identifier: MIT
 * See lualayout.h. */
#include "script/lualayout.h"

enum { COLLECTED = 1 << 6 };

const lab_layout lab_lua_layout = {
    .lua_function = LUA_TFUNCTION | 0 << 4 | COLLECTED,
    .c_function = LUA_TFUNCTION | 1 << 4,
    .c_closure = LUA_TFUNCTION | 2 << 4 | COLLECTED,
    .call_c = 1 << 1,
    .call_tail = 1 << 5,
};
