/* SPDX-License-Identifier: MIT
 * See lualayout.h. */
#include "vm/lualayout.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

enum { COLLECTED = 1 << 6 };

const lab_layout lab_lua_layout = {
    .lua_function = LUA_TFUNCTION | 0 << 4 | COLLECTED,
    .c_function = LUA_TFUNCTION | 1 << 4,
    .c_closure = LUA_TFUNCTION | 2 << 4 | COLLECTED,
    .userdata = LUA_TUSERDATA | COLLECTED,
    .table = LUA_TTABLE | COLLECTED,
    .integer = LUA_TNUMBER | 0 << 4,
    .empty = LUA_TNIL | 1 << 4,
    .call_c = 1 << 1,
    .call_tail = 1 << 5,
    .call_recovers = 1 << 4,
};

static bool fits;
/* While the check runs: what is checked, what came of it, and a pipe. */
static const lab_layout *checked;
static bool as_told;
static int probe[2];

bool lab_layout_fits(void) {
  return fits;
}

/* ---- one stack ----------------------------------------------------------- */

/* Whether SIZE bytes at P can be read: the kernel says so when it copies them.
 */
static bool is_readable(const void *p, size_t size) {
  char copy[512];
  if (size > sizeof copy || write(probe[1], p, size) != (ssize_t)size)
    return false;
  return read(probe[0], copy, size) == (ssize_t)size;
}

static bool is_lua_as_told(const lab_layout_call *call, const lua_Debug *ar) {
  const lab_layout_function *f = call->func->as.object;
  if (call->func->type != checked->lua_function || !is_readable(f, sizeof *f) ||
      !is_readable(f->proto, sizeof *f->proto))
    return false;
  const lab_layout_proto *p = f->proto;
  const uint32_t *pc = call->u.lua.pc;
  return is_readable(p->source, sizeof *p->source) &&
         p->source->text == ar->source && p->line_defined == ar->linedefined &&
         p->last_line_defined == ar->lastlinedefined && pc > p->code &&
         pc <= p->code + p->ncode;
}

static bool is_c_as_told(const lab_layout_call *call, lua_CFunction want) {
  if (call->func->type == checked->c_function)
    return call->func->as.function == want;
  const lab_layout_cclosure *f = call->func->as.object;
  return call->func->type == checked->c_closure && is_readable(f, sizeof *f) &&
         f->function == want;
}

/* CALL is what lua_getinfo says of AR's level. */
static bool is_level_as_told(lua_State *L, const lab_layout_call *call,
                             lua_Debug *ar) {
  if (!is_readable(call, sizeof *call) ||
      !is_readable(call->func, sizeof *call->func))
    return false;
  lua_getinfo(L, "Sf", ar);
  lua_CFunction want = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  bool is_c = ar->what[0] == 'C';
  if (!!(call->status & checked->call_c) != is_c)
    return false;
  return is_c ? is_c_as_told(call, want) : is_lua_as_told(call, ar);
}

/* All levels of L, which runs. */
static bool is_stack_as_told(lua_State *L) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  lua_Debug ar;
  if (!is_readable(s, sizeof *s))
    return false;
  const lab_layout_call *call = s->call;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    if (call == &s->base || !is_level_as_told(L, call, &ar))
      return false;
    call = call->previous;
  }
  return call == &s->base && s->status == lua_status(L) &&
         s->stack_last > s->stack && s->ncalls > 0 && s->ncalls < 200;
}

/* ---- userdata ------------------------------------------------------------ */

/* Argument 1 of the function that runs in L. */
static bool is_argument_as_told(lua_State *L) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  const lab_layout_value *v = s->call->func + 1;
  lab_layout_userdata *u = v->as.object;
  if (v->type != checked->userdata || v >= s->top ||
      !is_readable(u, offsetof(lab_layout_userdata, gray)) ||
      !lua_getmetatable(L, 1))
    return false;
  bool same = u->metatable == lua_topointer(L, -1);
  lua_pop(L, 1);
  return same && lab_layout_memory(u) == lua_touserdata(L, 1);
}

static int compare_userdata(lua_State *L) {
  as_told = as_told && is_stack_as_told(L) && is_argument_as_told(L);
  return 0;
}

/* One with that many user values is an argument. */
static void compare_argument(lua_State *L, int user_values) {
  lua_pushcfunction(L, compare_userdata);
  lua_newuserdatauv(L, 3, user_values);
  lua_newtable(L);
  lua_setmetatable(L, -2);
  lua_call(L, 1, 0);
}

/* ---- tables -------------------------------------------------------------- */

/* Whether exactly one place of T's hash has KEY, with VALUE; a KEY of 0: no
 * place is left. */
static bool has_node_as_told(const lab_layout_table *t, lua_Integer key,
                             lua_Integer value) {
  unsigned n = 0, used = 0;
  for (size_t i = 0; i < (size_t)1 << t->log_nodes; i++) {
    const lab_layout_node *node = &t->nodes[i];
    used += (node->type & 15) != LUA_TNIL;
    n += node->key_type == checked->integer && node->key.integer == key &&
         node->type == checked->integer && node->as.integer == value;
  }
  return key ? n == 1 : used == 0;
}

/* One with two elements and with three keys, and then without these. */
static bool is_table_as_told(lua_State *L) {
  enum { ELEMENTS = 2, NODES = 2 };
  static const lua_Integer keys[] = {7, -7, 1 << 30};
  lua_createtable(L, ELEMENTS, 3);
  const lab_layout_table *t = lua_topointer(L, -1);
  for (int i = 1; i <= ELEMENTS; i++) {
    lua_pushinteger(L, 10 * i);
    lua_rawseti(L, -2, i);
  }
  for (size_t i = 0; i < 3; i++) {
    lua_pushinteger(L, keys[i] + 1);
    lua_rawseti(L, -2, keys[i]);
  }
  bool same =
      is_readable(t, sizeof *t) && t->log_nodes == NODES &&
      t->array_limit == ELEMENTS &&
      is_readable(t->array, ELEMENTS * sizeof *t->array) &&
      is_readable(t->nodes, sizeof *t->nodes << NODES) &&
      t->array[1].as.integer == 20 && t->array[1].type == checked->integer &&
      t->last_free <= t->nodes + (1 << NODES) && t->last_free >= t->nodes;
  for (size_t i = 0; i < 3; i++) {
    same = same && has_node_as_told(t, keys[i], keys[i] + 1);
    lua_pushnil(L);
    lua_rawseti(L, -2, keys[i]);
  }
  same = same && has_node_as_told(t, 0, 0);
  lua_pop(L, 1);
  return same;
}

/* ---- what all coroutines have in common ---------------------------------- */

/* Lua tells of the collector what it is set to. */
static bool is_collector_as_told(lua_State *L, const lab_layout_global *g) {
  enum { PAUSE = 100, UNIT = 4 };
  bool runs = lua_gc(L, LUA_GCISRUNNING), same = !!g->stopped != runs;
  lua_gc(L, runs ? LUA_GCSTOP : LUA_GCRESTART);
  same = same && !!g->stopped == runs;
  lua_gc(L, runs ? LUA_GCRESTART : LUA_GCSTOP);
  int pause = lua_gc(L, LUA_GCSETPAUSE, PAUSE);
  same = same && g->pause == PAUSE / UNIT;
  lua_gc(L, LUA_GCSETPAUSE, pause);
  int mode = lua_gc(L, LUA_GCINC, 0, 0, 0);
  same = same && g->kind != LAB_LAYOUT_GENERATIONAL;
  if (mode == LUA_GCGEN)
    lua_gc(L, LUA_GCGEN, 0, 0);
  return same && g->emergency == 0 && g->state <= LAB_LAYOUT_NO_CYCLE &&
         (mode != LUA_GCGEN || g->kind == LAB_LAYOUT_GENERATIONAL);
}

/* What the garbage that is finalized first finds at the head of the list. */
static const void *found_to_finalize;

static int note_next_finalized(lua_State *L) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  const lab_layout_global *g = s->global;
  if (!found_to_finalize)
    found_to_finalize = g->to_finalize;
  return 0;
}

/* Leaves one with a finalizer to the collector, and returns its address. */
static const void *drop_finalized(lua_State *L) {
  lua_newuserdatauv(L, 1, 0);
  lua_pushvalue(L, -2);
  lua_setmetatable(L, -2);
  const char *memory = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return memory - offsetof(lab_layout_userdata, gray);
}

/* Of two, the later one is finalized first. */
static bool is_garbage_as_told(lua_State *L) {
  bool runs = lua_gc(L, LUA_GCISRUNNING);
  lua_gc(L, LUA_GCSTOP); /* both are found at once */
  found_to_finalize = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, note_next_finalized);
  lua_setfield(L, -2, "__gc");
  const void *earlier = drop_finalized(L);
  drop_finalized(L);
  lua_gc(L, LUA_GCCOLLECT);
  if (runs)
    lua_gc(L, LUA_GCRESTART);
  lua_pop(L, 1);
  return found_to_finalize == earlier;
}

static int panic_never(lua_State *L) {
  (void)L;
  return 0;
}

/* What is behind the lists of objects. */
static bool is_end_of_global_as_told(lua_State *L, const lab_layout_global *g) {
  lua_CFunction before = lua_atpanic(L, panic_never);
  bool same = g->panic == panic_never;
  lua_atpanic(L, before);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  same = same && g->panic == before && g->main == lua_topointer(L, -1);
  lua_pop(L, 1);
  return same;
}

static bool is_global_as_told(lua_State *L) {
  const lab_layout_state *s = (const lab_layout_state *)(const void *)L;
  const lab_layout_global *g = s->global;
  void *data;
  if (!is_readable(s, sizeof *s) || !is_readable(g, sizeof *g))
    return false;
  return g->allocator == lua_getallocf(L, &data) && g->allocator_data == data &&
         g->registry.as.object == lua_topointer(L, LUA_REGISTRYINDEX) &&
         is_collector_as_told(L, g) && is_garbage_as_told(L) &&
         is_end_of_global_as_told(L, g);
}

/* ---- the check ----------------------------------------------------------- */

static int compare_stack(lua_State *L) {
  as_told = as_told && is_stack_as_told(L);
  return 0;
}

/* The chunk of compare_calls, on top of L's stack, has one function in it and
 * is too short for absolute lines. */
static bool is_chunk_as_told(lua_State *L) {
  const lab_layout_function *f = lua_topointer(L, -1);
  if (!is_readable(f, sizeof *f) || !is_readable(f->proto, sizeof *f->proto))
    return false;
  const lab_layout_proto *p = f->proto;
  return p->nabslineinfo == 0 && !p->abslineinfo && p->nprotos == 1 &&
         is_readable(p->protos, sizeof *p->protos) &&
         is_readable(p->protos[0], sizeof *p) &&
         p->protos[0]->line_defined == 2;
}

/* Lua functions, a C function and a C closure, one above the other. */
static void compare_calls(lua_State *L) {
  static const char text[] = "local compare, closure = ...\n"
                             "local function inner(n)\n"
                             "  if n > 0 then inner(n - 1) else\n"
                             "    compare() closure()\n"
                             "  end\n"
                             "  return n\n"
                             "end\n"
                             "pcall(inner, 3)\n";
  if (luaL_loadbufferx(L, text, sizeof text - 1, "=layout", "t") != LUA_OK)
    lua_error(L);
  as_told = as_told && is_chunk_as_told(L);
  lua_pushcfunction(L, compare_stack);
  lua_pushinteger(L, 1);
  lua_pushcclosure(L, compare_stack, 1);
  lua_call(L, 2, 0);
}

/* Protected, for the pipe must be closed in any case. */
static int compare_stacks(lua_State *L) {
  lua_State *co = lua_newthread(L);
  compare_stack(L);
  as_told = as_told && is_global_as_told(L) && is_table_as_told(L);
  lua_getglobal(L, "pcall"); /* the chunk's only global */
  if (lua_isfunction(L, -1))
    compare_calls(co);
  for (int user_values = 0; user_values < 3; user_values++)
    compare_argument(L, user_values);
  return 0;
}

void lab_layout_check(lua_State *L, const lab_layout *layout) {
  fits = false;
  luaL_checkstack(L, 2, NULL);
  if (lua_version(L) != LUA_VERSION_NUM || pipe2(probe, O_CLOEXEC) < 0)
    return;
  checked = layout;
  as_told = true;
  lua_pushcfunction(L, compare_stacks);
  int status = lua_pcall(L, 0, 0, 0);
  close(probe[0]);
  close(probe[1]);
  if (status != LUA_OK)
    lua_error(L);
  fits = as_told;
}
