/* SPDX-License-Identifier: MIT
 * See failure.h. */
#include "lualib/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "vm/gc.h"
#include "vm/vm.h"

enum { REASON_MAX = 128 };

/* The kernel's words, as Go writes them. */
static void write_errno_text(int code, char reason[REASON_MAX]) {
  snprintf(reason, REASON_MAX, "%s", strerror(-code));
  if (reason[0] >= 'A' && reason[0] <= 'Z')
    reason[0] = (char)(reason[0] + ('a' - 'A'));
}

int lab_lua_net_failure(lua_State *L, const char *what, int code) {
  char reason[REASON_MAX];
  const char *text = reason;
  if (code == -EBADF)
    text = "use of closed network connection";
  else if (code == -ETIME)
    text = "i/o timeout";
  else
    write_errno_text(code, reason);
  luaL_pushfail(L);
  lua_pushfstring(L, "%s: %s", what, text);
  lua_pushinteger(L, code == -ETIME ? ETIMEDOUT : -code);
  return 3;
}

int lab_lua_failure(lua_State *L, const char *what, const char *path,
                    int code) {
  char words[REASON_MAX];
  const char *reason = "file already closed";
  if (code == LAB_LUA_CLOSED) {
    code = -EBADF;
  } else {
    write_errno_text(code, words);
    reason = words;
  }
  luaL_pushfail(L);
  if (path)
    lua_pushfstring(L, "%s %s: %s", what, path, reason);
  else
    lua_pushfstring(L, "%s: %s", what, reason);
  lua_pushinteger(L, -code);
  return 3;
}

int lab_lua_refuse_memory(lua_State *L, const char *what, size_t n) {
  char limit[LAB_MEMORY_LIMIT_TEXT];
  lab_memory_limit_text(lab_vm_of(L), limit, sizeof limit);
  return luaL_error(L, LAB_LUA_NO_MEMORY " for %s of %I bytes: %s", what,
                    (LUAI_UACINT)n, limit);
}

void *lab_lua_try_counted(lua_State *L, size_t size) {
  void *block = lab_counted_realloc(NULL, 0, size);
  if (!block && lab_gc_make_room(L))
    block = lab_counted_realloc(NULL, 0, size);
  return block;
}

int lab_lua_memory_failure(lua_State *L) {
  char limit[LAB_MEMORY_LIMIT_TEXT];
  lab_memory_limit_text(lab_vm_of(L), limit, sizeof limit);
  luaL_pushfail(L);
  lua_pushfstring(L, LAB_LUA_NO_MEMORY ": %s", limit);
  return 2;
}
