/* SPDX-License-Identifier: MIT
 * See channel.h.
 *
 * Where the values are: a sender's in its arguments, on its own coroutine's
 * stack, also while it is parked there. Buffered ones in a table, the channel's
 * second user value, which is made in its full size at once so that sending
 * can't fail. A receiver gets its value pushed on its stack, where its
 * continuation finds it on top. A coroutine's stack needs no barrier: the
 * collector never takes it for finished, and a C function has room for 20
 * values there.
 *
 * The stack of a task in select:
 *   1 nil (was the table of cases)   2 the C cases
 *   3 + 2i, 4 + 2i   channel, value of case i */
#include "lualib/channel.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "lualib/class.h"
#include "lualib/limit.h"
#include "lualib/suggest.h"
#include "stack/frame.h"
#include "task/channel.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char CHANNEL[] = "lab.Channel";
static const void *channel_class;

typedef struct channel {
  lab_channel base;
  /* Of the operation under way: the coroutine that runs it, and where on its
   * stack this userdata is. */
  lua_State *L;
  int at;
} channel;

enum { BUFFER = 2 }; /* among the user values; 1 is the name */
enum { CASES_AT = 2, FIRST_AT = 3, MAX_CASES = 1000 };

static lab_sched *get_channel_sched(lua_State *L) {
  return lab_vm_of(L)->sched;
}

static lab_task *get_running_task(lua_State *L) {
  lab_lua_task *t = lab_vm_of(L)->running;
  return t ? &t->base : NULL;
}

/* The channel at ARG, for an operation on it. */
static channel *check_channel(lua_State *L, int arg) {
  channel *c = lab_lua_check_object(L, arg, channel_class, CHANNEL);
  c->L = L;
  c->at = arg;
  return c;
}

/* ---- values -------------------------------------------------------------- */

/* The coroutine of one end: a parked one, or the one that runs. */
static lua_State *get_end_coroutine(const channel *c,
                                    const lab_channel_end *end) {
  if (!end->task || end->task->state != LAB_TASK_WAITING)
    return c->L;
  return LAB_CONTAINER(end->task, lab_lua_task, base)->co;
}

/* Where on its stack a sender has its value: see above. */
static int find_value_place(lua_State *co, const lab_channel_end *sender) {
  if (!sender->which)
    return 2;
  const lab_select_case *cases = lua_touserdata(co, CASES_AT);
  return FIRST_AT + 2 * (int)(sender->which - cases) + 1;
}

static void push_sent(const channel *c, const lab_channel_end *from) {
  lua_State *co = get_end_coroutine(c, from);
  lua_pushvalue(co, find_value_place(co, from));
  if (co != c->L)
    lua_xmove(co, c->L, 1);
}

static void push_buffered(const channel *c, size_t slot) {
  lua_State *L = c->L;
  lua_Integer i = (lua_Integer)slot + 1;
  lua_getiuservalue(L, c->at, BUFFER);
  lua_rawgeti(L, -1, i);
  lua_pushnil(L); /* so the buffer doesn't keep the value alive */
  lua_rawseti(L, -3, i);
  lua_remove(L, -2);
}

static void pop_into_buffer(const channel *c, size_t slot) {
  lua_getiuservalue(c->L, c->at, BUFFER);
  lua_insert(c->L, -2);
  lua_rawseti(c->L, -2, (lua_Integer)slot + 1);
  lua_pop(c->L, 1);
}

static void move_value(lab_channel *base, const lab_channel_end *from,
                       const lab_channel_end *to, size_t slot) {
  channel *c = LAB_CONTAINER(base, channel, base);
  if (from)
    push_sent(c, from);
  else
    push_buffered(c, slot);
  if (!to)
    pop_into_buffer(c, slot);
  else if (get_end_coroutine(c, to) != c->L)
    lua_xmove(c->L, get_end_coroutine(c, to), 1);
}

/* ---- channels ------------------------------------------------------------ */

static int new_channel(lua_State *L) {
  lua_Integer cap = luaL_optinteger(L, 1, 0);
  if (cap < 0 || cap > INT_MAX)
    return luaL_error(L, "makechan: size out of range");
  channel *c = lab_lua_new_named(L, 2, sizeof *c, cap > 0 ? BUFFER : 1);
  lab_channel_init(&c->base, (size_t)cap, move_value);
  luaL_setmetatable(L, CHANNEL);
  if (cap > 0) {
    lua_createtable(L, (int)cap, 0);
    lua_setiuservalue(L, -2, BUFFER);
  }
  return 1;
}

static int raise_closed(lua_State *L) {
  return luaL_error(L, "send on closed channel");
}

/* true, if the call was LIMITED: as in sync.c. */
static int push_sent_result(lua_State *L, bool limited) {
  if (limited)
    lua_pushboolean(L, 1);
  return limited;
}

static int finish_send(lua_State *L, int status, lua_KContext limited) {
  (void)status;
  lab_lua_check_cancelled(L);
  const lab_task *me = get_running_task(L);
  if (me->granted)
    return push_sent_result(L, limited != 0);
  return me->expired ? lab_lua_push_timeout(L) : raise_closed(L);
}

/* The channel C and the value are on the stack, and nothing else. Compiled into
 * its callers, since most have no limit. */
static inline __attribute__((always_inline)) int
send_within(lua_State *L, channel *c, uint64_t limit, bool limited) {
  int rc =
      lab_channel_send(get_channel_sched(L), &c->base, get_running_task(L));
  if (rc == 0)
    return push_sent_result(L, limited);
  if (rc != -EAGAIN)
    return raise_closed(L);
  if (limit == 0)
    return lab_lua_push_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "send");
  lab_channel_wait_send(get_channel_sched(L), &c->base, &me->base,
                        lab_walk(L, 0));
  lab_lua_limit_wait(L, limit);
  return lua_yieldk(L, 0, limited, finish_send);
}

static int send_limited(lua_State *L, channel *c) {
  uint64_t limit = lab_lua_check_limit(L, 3);
  bool limited = lua_gettop(L) > 2;
  lua_settop(L, 2); /* also if there is no value: that is nil */
  return send_within(L, c, limit, limited);
}

/* c:send(value, [seconds]) */
static int channel_send(lua_State *L) {
  channel *c = check_channel(L, 1);
  return lua_gettop(L) == 2 ? send_within(L, c, LAB_LUA_NO_LIMIT, false)
                            : send_limited(L, c);
}

/* value, true with the value on top of the stack; or nil, false. */
static int push_received(lua_State *L, bool moved) {
  if (!moved)
    lua_pushnil(L);
  lua_pushboolean(L, moved);
  return 2;
}

/* nil, nil, "timeout": ok, the second result, is neither true nor false. */
static int push_receive_timeout(lua_State *L) {
  lua_pushnil(L);
  return 1 + lab_lua_push_timeout(L);
}

static int finish_receive(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lab_lua_check_cancelled(L);
  const lab_task *me = get_running_task(L);
  return me->expired ? push_receive_timeout(L) : push_received(L, me->granted);
}

/* From the channel C, which alone is on the stack; as send_within. */
static inline __attribute__((always_inline)) int
receive_within(lua_State *L, channel *c, uint64_t limit) {
  int rc =
      lab_channel_receive(get_channel_sched(L), &c->base, get_running_task(L));
  if (rc != -EAGAIN)
    return push_received(L, rc == 0);
  if (limit == 0)
    return push_receive_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "recv");
  lab_channel_wait_receive(get_channel_sched(L), &c->base, &me->base,
                           lab_walk(L, 0));
  lab_lua_limit_wait(L, limit);
  return lua_yieldk(L, 0, 0, finish_receive);
}

static int receive_limited(lua_State *L, channel *c) {
  uint64_t limit = lab_lua_check_limit(L, 2);
  lua_settop(L, 1);
  return receive_within(L, c, limit);
}

/* c:recv([seconds]) */
static int channel_recv(lua_State *L) {
  channel *c = check_channel(L, 1);
  return lua_gettop(L) == 1 ? receive_within(L, c, LAB_LUA_NO_LIMIT)
                            : receive_limited(L, c);
}

/* The iterator of c:range(): its second argument is the value before. */
static int channel_next(lua_State *L) {
  channel *c = check_channel(L, 1);
  lua_settop(L, 1);
  return receive_within(L, c, LAB_LUA_NO_LIMIT);
}

static int channel_range(lua_State *L) {
  check_channel(L, 1);
  lua_pushcfunction(L, channel_next);
  lua_pushvalue(L, 1);
  return 2;
}

static int channel_close(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return luaL_error(L, "close of nil channel");
  if (lab_channel_close(get_channel_sched(L), &check_channel(L, 1)->base))
    return luaL_error(L, "close of closed channel");
  return 0;
}

static int channel_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_channel(L, 1)->base.len);
  return 1;
}

static int channel_cap(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_channel(L, 1)->base.cap);
  return 1;
}

static int channel_tostring(lua_State *L) {
  const lab_channel *c = &check_channel(L, 1)->base;
  lab_lua_push_title(L, "Channel");
  lua_pushfstring(L, "%s (%I of %I%s)", lua_tostring(L, -1),
                  (LUAI_UACINT)c->len, (LUAI_UACINT)c->cap,
                  c->closed ? ", closed" : "");
  return 1;
}

static const luaL_Reg channel_methods[] = {
    {"send", channel_send}, {"recv", channel_recv},   {"len", channel_len},
    {"cap", channel_cap},   {"range", channel_range}, {"close", channel_close},
    {NULL, NULL},
};

static const luaL_Reg channel_metamethods[] = {
    {"__len", channel_len},
    {"__tostring", channel_tostring},
    {NULL, NULL},
};

/* ---- select -------------------------------------------------------------- */

/* Reads case I, { channel | nil, "recv" } or { channel | nil, "send", value },
 * on top of the stack, and replaces it by its channel and its value. */
static void read_case(lua_State *L, lab_select_case *cases, size_t i) {
  if (!lua_istable(L, -1))
    luaL_error(L, "select: case %d is no table", (int)i + 1);
  lua_rawgeti(L, -1, 2);
  const char *verb = lua_tostring(L, -1);
  bool is_send = verb && strcmp(verb, "send") == 0;
  if (!is_send && (!verb || strcmp(verb, "recv") != 0))
    luaL_error(L,
               "select: case %d must be {channel, \"recv\"} or {channel, "
               "\"send\", value}",
               (int)i + 1);
  lua_pop(L, 1);
  lua_rawgeti(L, -1, 1);
  channel *c = NULL;
  if (lua_toboolean(L, -1)) {
    if (!luaL_testudata(L, -1, CHANNEL))
      luaL_error(L, "select: case %d has no channel", (int)i + 1);
    c = check_channel(L, lua_gettop(L));
    c->at = FIRST_AT + 2 * (int)i;
  }
  lua_rawgeti(L, -2, 3);
  lua_remove(L, -3);
  cases[i].channel = c ? &c->base : NULL;
  cases[i].send = is_send;
}

/* Options stand in the same table as the N cases. */
static void check_options(lua_State *L, size_t n) {
  static const char *const options[] = {"default", "timeout"};
  lab_lua_check_keys_after(L, 1, n, "lab.select has no option", options,
                           sizeof options / sizeof *options);
}

static lab_select_case *read_cases(lua_State *L, size_t *count) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  size_t n = lua_rawlen(L, 1);
  if (n > MAX_CASES)
    luaL_error(L, "select: more than %d cases", MAX_CASES);
  check_options(L, n);
  luaL_checkstack(L, 2 * (int)n + 10, "select"); /* stacks are costly */
  lab_select_case *cases = lua_newuserdatauv(L, n * sizeof *cases, 0);
  memset(cases, 0, n * sizeof *cases);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    read_case(L, cases, i);
  }
  *count = n;
  return cases;
}

/* Pushes the index of case I; for a receive also the value, which is on top of
 * the stack if it was MOVED, and ok. */
static int push_selected(lua_State *L, const lab_select_case *cases, int i,
                         bool moved) {
  if (cases[i].send) {
    if (!moved)
      return raise_closed(L);
    lua_pushinteger(L, i + 1);
    return 1;
  }
  push_received(L, moved);
  lua_pushinteger(L, i + 1);
  lua_insert(L, -3);
  return 3;
}

static int finish_select(lua_State *L, int status, lua_KContext n) {
  (void)status;
  lab_lua_check_cancelled(L);
  const lab_task *me = get_running_task(L);
  if (me->expired)
    return lab_lua_push_timeout(L);
  const lab_select_case *cases = lua_touserdata(L, CASES_AT);
  return push_selected(L, cases, lab_select_chosen(cases, (size_t)n),
                       me->granted);
}

static bool has_default(lua_State *L) {
  lua_pushliteral(L, "default");
  lua_rawget(L, 1);
  bool has = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return has;
}

static uint64_t check_timeout(lua_State *L) {
  lua_pushliteral(L, "timeout");
  lua_rawget(L, 1);
  int at = lua_gettop(L);
  if (!lua_isnil(L, at) && !(lua_isnumber(L, at) && lua_tonumber(L, at) >= 0))
    luaL_error(L, "select: timeout is seconds, and not negative");
  uint64_t limit = lab_lua_check_limit(L, at);
  lua_pop(L, 1);
  return limit;
}

/* lab.select{ case..., default = true?, timeout = seconds? }
 *   -> index, value, ok; nil for default; nil, "timeout" */
static int channel_select(lua_State *L) {
  static uint64_t rng;
  size_t n;
  lab_select_case *cases = read_cases(L, &n);
  uint64_t limit = check_timeout(L);
  bool moved;
  if (rng == 0)
    rng = lab_clock_mono();
  int i = lab_select_try(get_channel_sched(L), get_running_task(L), cases, n,
                         &rng, &moved);
  if (i >= 0)
    return push_selected(L, cases, i, moved);
  if (has_default(L)) {
    luaL_pushfail(L);
    return 1;
  }
  if (limit == 0)
    return lab_lua_push_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "select");
  lua_pushnil(L); /* so the table, 300 bytes, can be collected */
  lua_replace(L, 1);
  lab_select_wait(get_channel_sched(L), &me->base, cases, n, lab_walk(L, 0));
  lab_lua_limit_wait(L, limit);
  return lua_yieldk(L, 0, (lua_KContext)n, finish_select);
}

static const luaL_Reg functions[] = {
    {"channel", new_channel},
    {"select", channel_select},
    {NULL, NULL},
};

void lab_lib_channel(lua_State *L) {
  channel_class =
      lab_lua_new_class(L, CHANNEL, channel_methods, channel_metamethods);
  lab_func_c((const void *)channel_next, "lab.Channel.recv", false);
  luaL_setfuncs(L, functions, 0);
}
