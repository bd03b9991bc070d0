/* SPDX-License-Identifier: MIT
 * See reach.h.
 *
 * An object is "met" when the walk comes to it for the first time. It is then
 * put on a list, a Lua table that serves as a stack, so deep structures don't
 * need C's stack. A turn takes one object off the list and meets its parts. An
 * object with too many parts for one turn is put back on the list, together
 * with the position at which the next turn goes on.
 *
 * Tables with weak keys (ephemerons): a value counts only if its key was met,
 * and that may happen later. So all such tables are looked at again until
 * nothing new is met. */
#include "inspect/reach.h"

#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "vm/lualayout.h"
#include "vm/memory_limit.h"

enum {
  FIRST_CAP = 32,
  PARTS = 512,        /* of one object that are looked at in one turn */
  BETWEEN_LOOKS = 64, /* turns between two looks at the clock */
  FEW_PAIRS = 32,     /* likewise, pairs of one table: to find the next one may
                         take 0.1 ms, where many keys have one place */
  MANY_PARTS = 16384, /* likewise, of all objects */
};

typedef struct lab_reach_object {
  const void *pointer; /* NULL: a free slot */
  uint32_t waiters;    /* the first + 1, or 0 */
  bool met;
} object;
_Static_assert(sizeof(object) == 16, "there may be many millions of them");

typedef struct waiter {
  lua_State *co;
  uint32_t next; /* of the same object + 1, or 0 */
} waiter;

/* Keys of the registry. */
static const char LIST, EPHEMERONS;
/* When this is on top of the list, a position is below it, and below that the
 * object that it belongs to. */
static const char PUT_BACK;

/* ---- objects ------------------------------------------------------------- */

/* The slot of POINTER, or the free slot where it belongs. */
static object *find_slot(const lab_reach_shard *s, const void *pointer,
                         uint64_t hash) {
  uint32_t i = (uint32_t)hash & (s->cap - 1);
  while (s->slots[i].pointer && s->slots[i].pointer != pointer)
    i = (i + 1) & (s->cap - 1);
  return &s->slots[i];
}

static uint64_t hash_pointer(const void *pointer) {
  return lab_hash_u64((uintptr_t)pointer);
}

static void grow_shard(lab_reach_shard *s) {
  lab_reach_shard old = *s;
  s->cap = old.cap ? 2 * old.cap : FIRST_CAP;
  s->slots = lab_xcalloc(s->cap, sizeof *s->slots);
  for (uint32_t i = 0; i < old.cap; i++) {
    const void *pointer = old.slots[i].pointer;
    if (pointer)
      *find_slot(s, pointer, hash_pointer(pointer)) = old.slots[i];
  }
  lab_xfree(old.slots);
}

/* Valid until the next call. */
static object *find_object(lab_reach *r, const void *pointer) {
  uint64_t hash = hash_pointer(pointer);
  lab_reach_shard *s = &r->shards[hash >> 56];
  if (s->count >= s->cap / 4 * 3)
    grow_shard(s);
  object *o = find_slot(s, pointer, hash);
  if (!o->pointer) {
    o->pointer = pointer;
    s->count++;
  }
  return o;
}

bool lab_reach_met(const lab_reach *r, const void *pointer) {
  uint64_t hash = hash_pointer(pointer);
  const lab_reach_shard *s = &r->shards[hash >> 56];
  return s->cap > 0 && find_slot(s, pointer, hash)->met;
}

void lab_reach_skip(lab_reach *r, const void *pointer) {
  find_object(r, pointer)->met = true;
}

void lab_reach_waits(lab_reach *r, const void *pointer, lua_State *co) {
  object *o = find_object(r, pointer);
  waiter one = {co, o->waiters};
  lab_buf_append(&r->waiters, &one, sizeof one);
  o->waiters = (uint32_t)(r->waiters.len / sizeof one);
}

/* ---- reaching ------------------------------------------------------------ */

static bool has_parts(lua_State *L, int at) {
  int type = lua_type(L, at);
  return type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA ||
         type == LUA_TTHREAD;
}

static bool is_met(const lab_reach *r, lua_State *L, int at) {
  return !has_parts(L, at) || lab_reach_met(r, lua_topointer(L, at));
}

/* Pops a value. If it has parts and was not met before, it is met now, and goes
 * on the list. */
static void meet_value(lab_reach *r, lua_State *L) {
  r->parts++;
  object *o = has_parts(L, -1) ? find_object(r, lua_topointer(L, -1)) : NULL;
  if (!o || o->met) {
    lua_pop(L, 1);
    return;
  }
  o->met = true;
  r->met++;
  if (o->waiters)
    lab_buf_append(&r->woken, &o->waiters, sizeof o->waiters);
  lua_rawseti(L, r->list, ++r->todo);
}

/* The same for the value on top of CO's stack. */
static void meet_value_of(lab_reach *r, lua_State *L, lua_State *co) {
  lua_xmove(co, L, 1);
  meet_value(r, L);
}

/* Meets the first coroutine that waits for the object that was met last. One
 * coroutine in one turn: many may wait for the same object. */
static void wake_one(lab_reach *r, lua_State *L) {
  r->woken.len -= sizeof(uint32_t);
  uint32_t first;
  memcpy(&first, r->woken.data + r->woken.len, sizeof first);
  waiter one = ((const waiter *)(const void *)r->waiters.data)[first - 1];
  if (one.next)
    lab_buf_append(&r->woken, &one.next, sizeof one.next);
  lua_pushthread(one.co);
  meet_value_of(r, L, one.co);
}

/* Puts the object at AT back on the list, with the position on top of the
 * stack, which is popped. */
static void put_back_object(lab_reach *r, lua_State *L, int at) {
  lua_pushvalue(L, at);
  lua_rawseti(L, r->list, ++r->todo);
  lua_rawseti(L, r->list, ++r->todo);
  lua_pushlightuserdata(L, (void *)&PUT_BACK);
  lua_rawseti(L, r->list, ++r->todo);
}

/* ---- looking at an object ------------------------------------------------ */

typedef struct weakness {
  bool keys, values;
} weakness;

static weakness read_weakness(lua_State *L, int at) {
  weakness weak = {false, false};
  if (!lua_getmetatable(L, at))
    return weak;
  lua_pushliteral(L, "__mode");
  if (lua_rawget(L, -2) == LUA_TSTRING) {
    const char *mode = lua_tostring(L, -1);
    weak.keys = strchr(mode, 'k') != NULL;
    weak.values = strchr(mode, 'v') != NULL;
  }
  lua_pop(L, 2);
  return weak;
}

static void look_at_metatable(lab_reach *r, lua_State *L, int at) {
  if (lua_getmetatable(L, at))
    meet_value(r, L);
}

static void remember_ephemeron(lab_reach *r, lua_State *L, int at) {
  lua_pushvalue(L, at);
  lua_rawseti(L, r->ephemerons, ++r->weak_keys);
}

static bool is_time_over(lab_reach *r) {
  r->parts = 0;
  r->late = lab_clock_mono() >= r->until;
  return r->late;
}

/* Meets what is in the table at AT, from the key on top of the stack on. */
static void look_at_pairs(lab_reach *r, lua_State *L, int at, weakness weak) {
  for (int n = 1; lua_next(L, at); n++) {
    if (!weak.values && (!weak.keys || is_met(r, L, -2)))
      meet_value(r, L);
    else
      lua_pop(L, 1);
    if (!weak.keys) {
      lua_pushvalue(L, -1);
      meet_value(r, L);
    }
    if (n == PARTS || (n % FEW_PAIRS == 0 && is_time_over(r))) {
      put_back_object(r, L, at);
      return;
    }
  }
}

static void look_at_table(lab_reach *r, lua_State *L, int at, bool first) {
  weakness weak = read_weakness(L, at);
  if (first) {
    look_at_metatable(r, L, at);
    if (weak.keys && !weak.values)
      remember_ephemeron(r, L, at);
    lua_pushnil(L);
  }
  if (!weak.keys || !weak.values)
    look_at_pairs(r, L, at, weak);
}

static void look_at_userdata(lab_reach *r, lua_State *L, int at) {
  look_at_metatable(r, L, at);
  for (int i = 1; lua_getiuservalue(L, at, i) != LUA_TNONE; i++)
    meet_value(r, L);
  lua_pop(L, 1);
}

static void look_at_function(lab_reach *r, lua_State *L, int at) {
  for (int i = 1; lua_getupvalue(L, at, i); i++)
    meet_value(r, L);
}

/* Meets the function and every slot of a call: lua_getlocal also gives
 * temporary values. */
static void look_at_call(lab_reach *r, lua_State *L, lua_State *co,
                         lua_Debug *ar) {
  lua_getinfo(co, "f", ar);
  meet_value_of(r, L, co);
  for (int i = 1; lua_getlocal(co, ar, i); i++)
    meet_value_of(r, L, co);
  for (int i = -1; lua_getlocal(co, ar, i); i--)
    meet_value_of(r, L, co);
}

/* Goes from AR's call to the call of its caller; false if there is none.
 * lua_getstack would count from the innermost call each time, which takes too
 * long in a deep recursion. */
static bool go_to_caller(lua_State *co, lua_Debug *ar) {
  const lab_layout_call *call = (const lab_layout_call *)(void *)ar->i_ci;
  ar->i_ci = (struct CallInfo *)(void *)call->previous;
  return call->previous != &((lab_layout_state *)co)->base;
}

/* Meets what is in AR's call and all outer ones. */
static void look_at_calls(lab_reach *r, lua_State *L, int at, lua_Debug *ar) {
  lua_State *co = lua_tothread(L, at);
  int n = 0;
  do {
    if (n++ == PARTS) {
      lua_pushlightuserdata(L, ar->i_ci);
      put_back_object(r, L, at);
      return;
    }
    look_at_call(r, L, co, ar);
  } while (go_to_caller(co, ar));
}

/* A coroutine that has not begun, or has ended, has values but no calls. */
static void look_at_coroutine(lab_reach *r, lua_State *L, int at, bool first) {
  lua_State *co = lua_tothread(L, at);
  lua_Debug ar;
  if (co == L)
    return;
  if (!lua_checkstack(co, 2))
    luaL_error(L, LAB_LUA_NO_MEMORY);
  if (!first)
    ar.i_ci = lua_touserdata(L, -1);
  if (!first || lua_getstack(co, 0, &ar)) {
    look_at_calls(r, L, at, &ar);
    return;
  }
  for (int i = lua_gettop(co); i > 0; i--) {
    lua_pushvalue(co, i);
    meet_value_of(r, L, co);
  }
}

/* ---- the walk ------------------------------------------------------------ */

static void take_value(lab_reach *r, lua_State *L) {
  lua_rawgeti(L, r->list, r->todo);
  lua_pushnil(L);
  lua_rawseti(L, r->list, r->todo--);
}

/* Takes an object off the list and pushes it. Returns whether this is its first
 * turn; if not, the position where to go on is pushed, too. */
static bool take_object(lab_reach *r, lua_State *L) {
  take_value(r, L);
  if (lua_touserdata(L, -1) != &PUT_BACK)
    return true;
  lua_pop(L, 1);
  take_value(r, L);
  take_value(r, L);
  lua_insert(L, -2);
  return false;
}

static void look_at_one(lab_reach *r, lua_State *L) {
  int at = lua_gettop(L) + 1;
  bool first = take_object(r, L);
  int type = lua_type(L, at);
  if (type == LUA_TTABLE)
    look_at_table(r, L, at, first);
  else if (type == LUA_TUSERDATA)
    look_at_userdata(r, L, at);
  else if (type == LUA_TFUNCTION)
    look_at_function(r, L, at);
  else
    look_at_coroutine(r, L, at, first);
  lua_settop(L, at - 1);
}

/* Puts all ephemerons back on the list if anything was met since the last time.
 */
static bool look_again(lab_reach *r, lua_State *L) {
  if (r->weak_keys == 0 || r->met == r->met_before)
    return false;
  r->met_before = r->met;
  for (lua_Integer i = 1; i <= r->weak_keys; i++) {
    lua_rawgeti(L, r->ephemerons, i);
    lua_pushnil(L);
    put_back_object(r, L, -2);
    lua_pop(L, 1);
  }
  return true;
}

/* False when there is nothing left to do. */
static bool take_turn(lab_reach *r, lua_State *L) {
  if (r->woken.len > 0)
    wake_one(r, L);
  else if (r->todo > 0)
    look_at_one(r, L);
  else
    return look_again(r, L);
  return true;
}

static void push_tables(lab_reach *r, lua_State *L) {
  luaL_checkstack(L, 20, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &LIST);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &EPHEMERONS);
  r->ephemerons = lua_gettop(L);
  r->list = r->ephemerons - 1;
}

bool lab_reach_walk(lab_reach *r, lua_State *L, uint64_t until) {
  bool more;
  unsigned turns = 0;
  r->until = until;
  r->late = false;
  push_tables(r, L);
  do {
    more = take_turn(r, L);
    if (++turns % BETWEEN_LOOKS == 0 || r->parts >= MANY_PARTS)
      (void)is_time_over(r);
  } while (more && !r->late);
  lua_pop(L, 2);
  return more;
}

void lab_reach_root(lab_reach *r, lua_State *L) {
  push_tables(r, L);
  lua_pushvalue(L, r->list - 1);
  meet_value(r, L);
  lua_pop(L, 3);
}

static void make_table(lab_reach *r, lua_State *L, const char *key) {
  lua_newtable(L);
  lab_reach_skip(r, lua_topointer(L, -1));
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void lab_reach_begin(lab_reach *r, lua_State *L) {
  make_table(r, L, &LIST);
  make_table(r, L, &EPHEMERONS);
}

/* Sets a key to nil only if it is there: that never needs memory. */
static void drop_table(lua_State *L, const char *key) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TNIL) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
  }
  lua_pop(L, 1);
}

void lab_reach_free(lab_reach *r, lua_State *L) {
  drop_table(L, &LIST);
  drop_table(L, &EPHEMERONS);
  for (int i = 0; i < LAB_REACH_SHARDS; i++)
    lab_xfree(r->shards[i].slots);
  lab_buf_free(&r->waiters);
  lab_buf_free(&r->woken);
  memset(r, 0, sizeof *r);
}
