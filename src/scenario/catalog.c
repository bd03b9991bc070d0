/* SPDX-License-Identifier: MIT
 * See catalog.h.
 *
 * Each answer has a Lua state of its own, without a VM. What scenarios say of
 * themselves are texts that other processes have read (folders.h): none of
 * their code runs here. */
#include "scenario/catalog.h"

#include <lauxlib.h>
#include <lualib.h>

#include "base/queue.h"
#include "scenario/host_files.h"
#include "scenario/lua_room.h"
#include "scenario/parts.h"
#include "scenario/records.h"

enum { MEMORY_MAX = 64 << 20 };

typedef struct catalog {
  const lab_catalog_question *question;
  lab_buf *out;
  int status;
  size_t broken;
  lab_lua_room memory; /* of the state */
} catalog;

/* ---- its host ------------------------------------------------------------ */

static void push_host(lua_State *L, const lab_catalog_question *q) {
  lua_newtable(L);
  luaL_setfuncs(L, lab_host_files, 0);
  luaL_setfuncs(L, lab_host_records, 0);
  lab_host_push_strings(L, q->dirs, q->ndirs);
  lua_setfield(L, -2, "dirs");
}

/* ---- the answer ---------------------------------------------------------- */

static void push_question(lua_State *L, const lab_catalog_question *q) {
  lua_newtable(L);
  lua_pushinteger(L, q->step);
  lua_setfield(L, -2, "step");
  lua_pushboolean(L, q->json);
  lua_setfield(L, -2, "json");
  lua_pushboolean(L, q->no_hints);
  lua_setfield(L, -2, "no_hints");
  if (q->hint > 0) {
    lua_pushinteger(L, q->hint);
    lua_setfield(L, -2, "n");
  }
}

/* Protected. */
static int answer_question(lua_State *L) {
  void *ud;
  lua_getallocf(L, &ud);
  catalog *c = LAB_CONTAINER(ud, catalog, memory);
  luaL_openlibs(L);
  lab_part_push(L, "catalog");
  push_host(L, c->question);
  lab_part_push(L, "steps");
  lua_call(L, 2, 1);
  push_question(L, c->question);
  lua_call(L, 1, 3);
  size_t len;
  const char *text = luaL_checklstring(L, -3, &len);
  lab_buf_append(c->out, text, len);
  c->status = (int)luaL_checkinteger(L, -2);
  c->broken = (size_t)luaL_checkinteger(L, -1);
  return 0;
}

int lab_catalog_answer(lab_catalog_question *q, lab_buf *out) {
  catalog c = {
      .question = q, .out = out, .status = 500, .memory = {.most = MEMORY_MAX}};
  lua_State *L = lua_newstate(lab_lua_room_alloc, &c.memory);
  if (!L) {
    lab_buf_puts(out, "not enough memory\n");
    return 500;
  }
  lua_pushcfunction(L, answer_question);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    const char *text = lua_tostring(L, -1);
    lab_buf_printf(out, "%s\n", text ? text : "?");
    c.status = 500;
  }
  lua_close(L);
  q->broken = c.broken;
  return c.status;
}
