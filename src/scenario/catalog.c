/* SPDX-License-Identifier: MIT
 * See catalog.h.
 *
 * To know their titles, scenarios must be run. So each answer has a Lua state
 * of its own, without a VM and with a `lab` that does nothing, whose memory is
 * bounded, and so is the number of instructions of each scenario. */
#include "scenario/catalog.h"

#include <lauxlib.h>
#include <lualib.h>

#include "mem/mem.h"
#include "scenario/host_files.h"

extern const char lab_lua_catalog[], lab_lua_steps[];
extern const size_t lab_lua_catalog_len, lab_lua_steps_len;

enum {
  MEMORY_MAX = 64 << 20,
  COUNT = 100000,      /* instructions between two looks */
  LOOKS_PER_FILE = 300 /* some tenths of a second */
};

typedef struct catalog {
  const lab_catalog_question *question;
  lab_buf *out;
  int status;
  size_t bytes; /* in use */
  unsigned looks;
} catalog;

/* ---- bounds -------------------------------------------------------------- */

/* New blocks are zeroed, so lab_vm_of is NULL from the beginning: the wrapped
 * collector (vm/gc.c) looks at it. */
static void *allocate_bounded(void *ud, void *p, size_t old, size_t size) {
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

/* When too many instructions have run, every further one fails, so a pcall in
 * the scenario doesn't help. */
static void count_instructions(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (get_catalog(L)->looks > 0 && --get_catalog(L)->looks > 0)
    return;
  lua_sethook(L, count_instructions, LUA_MASKCOUNT, 1);
  luaL_where(L, 0);
  lua_pushliteral(L, "it doesn't come to an end");
  lua_concat(L, 2);
  lua_error(L);
}

/* host.run(chunk) -> true, result | false, message */
static int catalog_run(lua_State *L) {
  get_catalog(L)->looks = LOOKS_PER_FILE;
  lua_settop(L, 1);
  lua_sethook(L, count_instructions, LUA_MASKCOUNT, COUNT);
  bool ok = lua_pcall(L, 0, 1, 0) == LUA_OK;
  lua_sethook(L, NULL, 0, 0);
  if (!ok && !lua_isstring(L, -1)) {
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, -1));
    lua_replace(L, 1);
  }
  lua_pushboolean(L, ok);
  lua_insert(L, 1);
  return 2;
}

/* ---- the rest of its host ------------------------------------------------ */

/* host.compile(text, path, prefix, env): as the VM's, but it registers no names
 * for profiles. */
static int catalog_compile(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_settop(L, 4);
  lua_pushfstring(L, "@%s", luaL_checkstring(L, 2));
  if (luaL_loadbufferx(L, text, len, lua_tostring(L, 5), "t") != LUA_OK) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushvalue(L, 4);
  lua_setupvalue(L, -2, 1);
  return 1;
}

static int catalog_explain(lua_State *L) {
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg host[] = {
    {"run", catalog_run},
    {"compile", catalog_compile},
    {"explain", catalog_explain},
    {NULL, NULL},
};

static void push_host(lua_State *L, const lab_catalog_question *q) {
  luaL_newlib(L, host);
  luaL_setfuncs(L, lab_host_files, 0);
  lab_host_push_strings(L, q->dirs, q->ndirs);
  lua_setfield(L, -2, "dirs");
  lua_newtable(L);
  lua_setfield(L, -2, "params");
}

/* ---- the answer ---------------------------------------------------------- */

static void push_embedded(lua_State *L, const char *text, size_t len,
                          const char *name) {
  if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK)
    lua_error(L);
}

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
  push_embedded(L, lab_lua_catalog, lab_lua_catalog_len, "=catalog.lua");
  push_host(L, c->question);
  push_embedded(L, lab_lua_steps, lab_lua_steps_len, "=steps.lua");
  lua_call(L, 2, 1);
  push_question(L, c->question);
  lua_call(L, 1, 2);
  size_t len;
  const char *text = luaL_checklstring(L, -2, &len);
  lab_buf_append(c->out, text, len);
  c->status = (int)luaL_checkinteger(L, -1);
  return 0;
}

int lab_catalog_answer(const lab_catalog_question *q, lab_buf *out) {
  catalog c = {.question = q, .out = out, .status = 500};
  lua_State *L = lua_newstate(allocate_bounded, &c);
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
  return c.status;
}
