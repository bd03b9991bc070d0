/* SPDX-License-Identifier: MIT
 * See catalog.h.
 *
 * Each answer has a Lua state of its own, without a VM. What scenarios say of
 * themselves are texts that other processes have read (folders.h): none of
 * their code runs here. */
#include "scenario/catalog.h"

#include <lauxlib.h>
#include <lualib.h>

#include "mem/mem.h"
#include "scenario/folders.h"
#include "scenario/host_files.h"
#include "scenario/parts.h"

enum { MEMORY_MAX = 64 << 20 };

typedef struct catalog {
  const lab_catalog_question *question;
  lab_buf *out;
  int status;
  size_t broken;
  size_t bytes;                  /* in use */
  const lab_folder_record *held; /* while its text is pushed, which may raise */
} catalog;

/* ---- its host ------------------------------------------------------------ */

/* New blocks are zeroed, so lab_vm_of is NULL from the beginning: the wrapped
 * collector (vm/gc.c) looks at it. */
static void *allocate_for_catalog(void *ud, void *p, size_t old, size_t size) {
  catalog *c = ud;
  size_t before = p ? old : 0;
  if (size == 0) {
    lab_mem_own_free(p);
    c->bytes -= before;
    return NULL;
  }
  if (c->bytes - before + size > MEMORY_MAX)
    return NULL;
  void *block = p ? lab_mem_own_realloc(p, size) : lab_mem_own_calloc(1, size);
  if (block)
    c->bytes += size - before;
  return block;
}

static catalog *get_catalog(lua_State *L) {
  void *ud;
  lua_getallocf(L, &ud);
  return ud;
}

/* host.read_folders { path of scenario.lua, ... }: afterwards host.record knows
 * them. The list is the state's own memory, so that nothing is lost if it
 * raises. */
static int read_folders(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t n = (size_t)lua_rawlen(L, 1);
  const char **files = lua_newuserdatauv(L, (n + 1) * sizeof *files, 0);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    files[i] = luaL_checkstring(L, -1); /* the table keeps it alive */
    lua_pop(L, 1);
  }
  lab_folders_read(files, n);
  return 0;
}

/* host.record(path of scenario.lua) -> record | nil, message */
static int push_record(lua_State *L) {
  catalog *c = get_catalog(L);
  c->held = lab_folders_get(luaL_checkstring(L, 1));
  if (!c->held) {
    luaL_pushfail(L);
    lua_pushliteral(L, "it was not read, because the lab is stopping");
    return 2;
  }
  bool failed = c->held->failed;
  if (failed)
    luaL_pushfail(L);
  lua_pushlstring(L, c->held->text.len ? c->held->text.data : "",
                  c->held->text.len);
  lab_folders_release(c->held);
  c->held = NULL;
  return failed ? 2 : 1;
}

static const luaL_Reg host[] = {
    {"read_folders", read_folders},
    {"record", push_record},
    {NULL, NULL},
};

static void push_host(lua_State *L, const lab_catalog_question *q) {
  luaL_newlib(L, host);
  luaL_setfuncs(L, lab_host_files, 0);
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
  if (q->hint > 0) {
    lua_pushinteger(L, q->hint);
    lua_setfield(L, -2, "n");
  }
}

/* Protected. */
static int answer_question(lua_State *L) {
  catalog *c = get_catalog(L);
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
  catalog c = {.question = q, .out = out, .status = 500};
  lua_State *L = lua_newstate(allocate_for_catalog, &c);
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
  lab_folders_release(c.held);
  q->broken = c.broken;
  return c.status;
}
