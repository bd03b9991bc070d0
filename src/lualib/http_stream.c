/* SPDX-License-Identifier: MIT
 * See http_stream.h. */
#include "lualib/http_stream.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "lualib/suggest.h"
#include "vm/anchors.h"
#include "vm/vm.h"

static const char STREAM[] = "lab.HttpStream";
enum { READ_MOST = 32 << 20 };

/* ---- exchanges ----------------------------------------------------------- */

lab_exchange *lab_exchange_new(lua_State *L) {
  lab_exchange *x = lua_newuserdatauv(L, sizeof *x, LAB_EXCHANGE_VALUES);
  memset(x, 0, sizeof *x);
  x->vm = lab_vm_of(L);
  lab_list_init(&x->link);
  luaL_setmetatable(L, STREAM);
  return x;
}

void lab_exchange_anchor(lua_State *L, int index) {
  const void *key = lua_touserdata(L, index);
  lua_pushvalue(L, index);
  lab_anchor_set(L, key);
}

void lab_exchange_leave(lab_exchange *x) {
  lab_list_remove(&x->link);
  if (x->pool)
    lab_pool_leave(x->vm->sched, x->pool, &x->place);
  if (x->stream)
    lab_anchor_drop(x->vm, x);
}

void lab_exchange_end(lab_exchange *x) {
  lab_exchange_leave(x);
  lab_ticket_end(&x->ticket);
}

void lab_exchange_reclaim(lab_owned *o) {
  lab_ticket *k = LAB_CONTAINER(o, lab_ticket, owned);
  lab_exchange_end(LAB_CONTAINER(k, lab_exchange, ticket));
}

static int stream_gc(lua_State *L) {
  lab_exchange_end(luaL_checkudata(L, 1, STREAM));
  return 0;
}

/* ---- the head ------------------------------------------------------------ */

/* Protected: (exchange). */
static int keep_head(lua_State *L) {
  lab_exchange *x = lua_touserdata(L, 1);
  x->status = x->ticket.fetch->status;
  lab_ticket_push_headers(L, &x->ticket);
  lua_setiuservalue(L, 1, LAB_EXCHANGE_HEADERS);
  return 0;
}

void lab_exchange_open_stream(lua_State *L, int index) {
  lab_exchange *x = lua_touserdata(L, index);
  lua_pushcfunction(L, keep_head);
  lua_pushvalue(L, index);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lab_exchange_end(x);
    lua_error(L);
  }
  x->at_end = x->ticket.fetch->is_last;
  if (x->at_end)
    lab_exchange_end(x);
}

/* ---- reading ------------------------------------------------------------- */

static int push_end(lua_State *L, bool wants_all) {
  if (wants_all) {
    lua_pushliteral(L, "");
    return 1;
  }
  luaL_pushfail(L);
  lua_pushliteral(L, "EOF");
  lua_pushinteger(L, 0);
  return 3;
}

static int push_closed(lua_State *L) {
  luaL_pushfail(L);
  lua_pushliteral(L, "read on closed response body");
  lua_pushinteger(L, EBADF);
  return 3;
}

static int push_part_failure(lua_State *L, lab_exchange *x) {
  const lab_fetch *f = x->ticket.fetch;
  lab_exchange_leave(x); /* before anything is pushed, which may raise */
  int n = lab_question_fail(L, f->method, f->url, f->message, f->error);
  lab_exchange_end(x);
  return n;
}

static int push_part(lua_State *L, lab_exchange *x) {
  lab_buf *part = &x->ticket.fetch->answer;
  int n = 1;
  x->at_end = x->ticket.fetch->is_last;
  if (x->at_end) /* before anything is pushed, which may raise */
    lab_exchange_leave(x);
  if (part->len > 0)
    lua_pushlstring(L, part->data, part->len);
  else
    n = push_end(L, x->ticket.fetch->wanted == SIZE_MAX);
  if (x->at_end)
    lab_exchange_end(x);
  else
    lab_buf_free(part);
  return n;
}

static int finish_stream_read(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_ticket *k = (lab_ticket *)ctx;
  lab_exchange *x = LAB_CONTAINER(k, lab_exchange, ticket);
  bool is_closed = !k->fetch; /* meanwhile */
  if (!lab_ticket_take(L, k))
    lab_exchange_end(x); /* what has come is lost, so it can't go on */
  lab_lua_check_cancelled(L);
  if (is_closed)
    return push_closed(L);
  return k->fetch->error ? push_part_failure(L, x) : push_part(L, x);
}

/* answer:read([n]) */
static int stream_read(lua_State *L) {
  lab_exchange *x = luaL_checkudata(L, 1, STREAM);
  bool wants_all = lua_isnoneornil(L, 2);
  lua_Integer n = wants_all ? 1 : luaL_checkinteger(L, 2);
  luaL_argcheck(L, n > 0 && n <= READ_MOST, 2, "1 to 2^25 bytes can be read");
  if (x->at_end)
    return push_end(L, wants_all);
  if (x->ticket.task)
    return luaL_error(L, "the answer is being read by another task");
  if (!x->ticket.fetch || x->ticket.fetch->error)
    return push_closed(L);
  lab_lua_check_parkable(L, "read");
  return lab_ticket_read(L, &x->ticket, wants_all ? SIZE_MAX : (size_t)n,
                         finish_stream_read);
}

/* answer:close(). A task that reads hears of it. */
static int stream_close(lua_State *L) {
  lab_exchange *x = luaL_checkudata(L, 1, STREAM);
  lab_lua_task *reader = x->ticket.task;
  lab_exchange_end(x);
  if (reader)
    lab_task_ready(x->vm->sched, &reader->base);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- the object ---------------------------------------------------------- */

static int stream_tostring(lua_State *L) {
  const lab_exchange *x = luaL_checkudata(L, 1, STREAM);
  const char *state = x->at_end ? ", read" : x->ticket.fetch ? "" : ", closed";
  lua_pushfstring(L, "HttpStream (%d%s)", x->status, state);
  return 1;
}

/* Upvalue 1: the methods. */
static int stream_index(lua_State *L) {
  static const char *const known[] = {"status", "headers", "read", "close"};
  const lab_exchange *x = luaL_checkudata(L, 1, STREAM);
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  const char *name = lua_tostring(L, 2);
  if (strcmp(name, "status") == 0) {
    lua_pushinteger(L, x->status);
    return 1;
  }
  if (strcmp(name, "headers") == 0) {
    lua_getiuservalue(L, 1, LAB_EXCHANGE_HEADERS);
    return 1;
  }
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
    return 1;
  return lab_lua_unknown(L, "a lab.HttpStream has no", name, known,
                         sizeof known / sizeof *known);
}

static const luaL_Reg http_stream_methods[] = {
    {"read", stream_read},
    {"close", stream_close},
    {NULL, NULL},
};

static const luaL_Reg stream_metamethods[] = {
    {"__gc", stream_gc},
    {"__close", stream_close},
    {"__tostring", stream_tostring},
    {NULL, NULL},
};

void lab_lib_http_stream(lua_State *L) {
  lab_lua_new_class(L, STREAM, http_stream_methods, stream_metamethods);
  luaL_getmetatable(L, STREAM);
  lua_getfield(L, -1, "__index");
  lua_pushcclosure(L, stream_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
