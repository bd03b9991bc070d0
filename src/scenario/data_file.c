/* SPDX-License-Identifier: MIT
 * See data_file.h. */
#include "scenario/data_file.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/owner.h"

enum {
  DATA_MEMORY_MAX = 16 << 20,
  DATA_INSTRUCTIONS_MAX = 1000000,
  DATA_CPU_MS = 250,
  LOOK_INSTRUCTIONS = 100, /* between two looks at the clock */
  LARGE_BYTES = 64 << 10,  /* who wants so many is slow */
  PIECE_BYTES = 1 << 10,   /* of a text: some take long to compile */
  DEPTH_MAX = 32,          /* of tables within tables */
  VALUES_MAX = 50000       /* in all of them */
};

/* The state of a file: a userdata of the state that wants its data, so it is
 * closed also when something raises there. */
typedef struct data_state {
  lua_State *L;
  size_t bytes; /* in use */
  unsigned looks;
  uint64_t began; /* CPU time of this thread */
  bool is_over;   /* the time is */
} data_state;

static const char DATA_STATE[] = "lab.data_state";

/* An instruction may take long: one that joins or compares long strings. */
static bool has_used_its_time(data_state *state) {
  if (lab_clock_thread_cpu() - state->began > DATA_CPU_MS * LAB_MILLISECOND)
    state->is_over = true;
  return state->is_over;
}

/* New blocks are zeroed, so lab_vm_of is NULL from the beginning: the wrapped
 * collector (vm/gc.c) looks at it. The process that reads scenarios has no
 * counted heap, so this is the lab's own memory. */
static void *allocate_for_data(void *ud, void *p, size_t old, size_t size) {
  data_state *state = ud;
  size_t before = p ? old : 0;
  if (size == 0) {
    lab_xfree(p);
    state->bytes -= before;
    return NULL;
  }
  if (state->bytes - before + size > DATA_MEMORY_MAX ||
      (size > before && size >= LARGE_BYTES && has_used_its_time(state)))
    return NULL;
  state->bytes += size - before;
  return p ? lab_xrealloc(p, size) : lab_xcalloc(1, size);
}

static int close_data_state(lua_State *L) {
  data_state *state = lua_touserdata(L, 1);
  if (state->L)
    lua_close(state->L);
  state->L = NULL;
  return 0;
}

static data_state *push_data_state(lua_State *L) {
  data_state *state =
      lab_push_owner(L, sizeof *state, 0, DATA_STATE, close_data_state, NULL);
  state->began = lab_clock_thread_cpu();
  state->L = lua_newstate(allocate_for_data, state);
  return state;
}

/* ---- evaluating ---------------------------------------------------------- */

static const char ENDLESS[] = "it doesn't come to an end";

static data_state *find_data_state(lua_State *L) {
  void *state;
  lua_getallocf(L, &state);
  return state;
}

static void look_at_data_clock(lua_State *L, lua_Debug *ar) {
  data_state *state = find_data_state(L);
  (void)ar;
  if (++state->looks * LOOK_INSTRUCTIONS >= DATA_INSTRUCTIONS_MAX ||
      has_used_its_time(state))
    luaL_error(L, ENDLESS);
}

typedef struct source {
  const char *text;
  size_t len; /* that is left of it */
  const char *name;
} source;

static const char *give_piece(lua_State *L, void *arg, size_t *size) {
  source *s = arg;
  const char *piece = s->text;
  if (has_used_its_time(find_data_state(L)))
    luaL_error(L, ENDLESS);
  *size = s->len < PIECE_BYTES ? s->len : PIECE_BYTES;
  s->text += *size;
  s->len -= *size;
  return piece;
}

/* Protected, in the state of the file. Leaves the table. */
static int evaluate_source(lua_State *L) {
  source *s = lua_touserdata(L, 1);
  const char *chunk = lua_pushfstring(L, "@%s", s->name);
  if (lua_load(L, give_piece, s, chunk, "t") != LUA_OK)
    return lua_error(L);
  lua_newtable(L); /* in place of the globals */
  lua_setupvalue(L, -2, 1);
  lua_sethook(L, look_at_data_clock, LUA_MASKCOUNT, LOOK_INSTRUCTIONS);
  lua_call(L, 0, 1);
  lua_sethook(L, NULL, 0, 0);
  if (!lua_istable(L, -1))
    return luaL_error(L, "%s:1: it returns no table: return { title = ... }",
                      s->name);
  return 1;
}

/* ---- copying ------------------------------------------------------------- */

typedef struct copying {
  lua_State *from;
  lua_State *to;
  size_t values, bytes;
  const char *problem; /* a literal; what is wrong with the table */
  int line;            /* where */
} copying;

static const char too_much[] = "there is too much in the table";

static bool copy_data_value(copying *c, int depth);

static bool fail_copy(copying *c, const char *problem) {
  c->problem = problem;
  return false;
}

/* The table at the top of `from`: an equal one on the top of `to`. */
static bool copy_data_table(copying *c, int depth) {
  if (depth >= DEPTH_MAX)
    return fail_copy(c, "tables are nested too deep, or one contains itself");
  luaL_checkstack(c->to, 6, "the data");
  lua_newtable(c->to);
  lua_pushnil(c->from);
  while (lua_next(c->from, -2)) {
    lua_pushvalue(c->from, -2); /* the key, above the value */
    if (!copy_data_value(c, depth))
      return false;
    lua_pop(c->from, 1);
    if (!copy_data_value(c, depth))
      return false;
    lua_pop(c->from, 1);
    lua_rawset(c->to, -3);
  }
  return true;
}

/* The value at the top of `from` is pushed on `to`. */
static bool copy_data_value(copying *c, int depth) {
  if (++c->values > VALUES_MAX)
    return fail_copy(c, too_much);
  size_t len;
  switch (lua_type(c->from, -1)) {
  case LUA_TBOOLEAN:
    lua_pushboolean(c->to, lua_toboolean(c->from, -1));
    return true;
  case LUA_TNUMBER:
    if (lua_isinteger(c->from, -1))
      lua_pushinteger(c->to, lua_tointeger(c->from, -1));
    else
      lua_pushnumber(c->to, lua_tonumber(c->from, -1));
    return true;
  case LUA_TSTRING: {
    const char *text = lua_tolstring(c->from, -1, &len);
    c->bytes += len; /* the same string may be there many times */
    if (c->bytes > DATA_MEMORY_MAX)
      return fail_copy(c, too_much);
    lua_pushlstring(c->to, text, len);
    return true;
  }
  case LUA_TTABLE:
    return copy_data_table(c, depth + 1);
  default: {
    lua_Debug function;
    lua_pushvalue(c->from, -1);
    lua_getinfo(c->from, ">S", &function);
    c->line = function.linedefined;
    return fail_copy(c, "there is a function in the table: a lesson is data; "
                        "what no table can say, the program counts "
                        "(lab.gauge), and a sentence is about that metric");
  }
  }
}

/* ---- both ---------------------------------------------------------------- */

static int push_problem_at(lua_State *L, const char *name, int line,
                           const char *problem) {
  luaL_pushfail(L);
  lua_pushfstring(L, "%s:%d: %s", name, line, problem);
  return 2;
}

static int push_problem(lua_State *L, const char *name, const char *problem) {
  return push_problem_at(L, name, 1, problem);
}

static int push_data(lua_State *L, const char *text, size_t len,
                     const char *name) {
  luaL_checkstack(L, 6, "the data");
  data_state *state = push_data_state(L);
  if (!state->L || !lua_checkstack(state->L, 4 * DEPTH_MAX))
    return push_problem(L, name, "not enough memory");
  source s = {text, len, name};
  lua_pushcfunction(state->L, evaluate_source);
  lua_pushlightuserdata(state->L, &s);
  if (lua_pcall(state->L, 1, 1, 0) != LUA_OK) {
    const char *message = lua_tostring(state->L, -1);
    if (state->is_over && message && strcmp(message, "not enough memory") == 0)
      message = ENDLESS; /* see allocate_for_data */
    if (!message)
      return push_problem(L, name, "an error without a message");
    if (strncmp(message, name, strlen(name)) != 0) /* memory, a binary chunk */
      return push_problem(L, name, message);
    luaL_pushfail(L);
    lua_pushstring(L, message);
    return 2;
  }
  copying c = {.from = state->L, .to = L, .line = 1};
  int top = lua_gettop(L);
  if (!copy_data_value(&c, 0)) {
    lua_settop(L, top);
    return push_problem_at(L, name, c.line, c.problem);
  }
  lua_close(state->L);
  state->L = NULL;
  return 1;
}

int lab_host_data(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  const char *name = luaL_checkstring(L, 2);
  lua_settop(L, 2);
  return push_data(L, text, len, name);
}
