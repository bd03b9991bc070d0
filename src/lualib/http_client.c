/* SPDX-License-Identifier: MIT
 * See http_client.h. A client has a pool for each place (host and port), a
 * userdata, which exists for as long as somebody waits for it or has one of its
 * connections. While a task waits, the pool is the first value on its stack:
 * there it is found by dumps (inspect/awaited.h). */
#include "lualib/http_client.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "lualib/class.h"
#include "lualib/failure.h"
#include "lualib/http_stream.h"
#include "lualib/limit.h"
#include "lualib/suggest.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char CLIENT[] = "lab.HttpClient";
enum { SIZE_DEFAULT = 10, SIZE_MOST = 10000 };
static const double IDLE_DEFAULT = 90; /* seconds */

enum { CLIENT_NAME = 1, CLIENT_PLACES }; /* user values */
enum { POOL = 1, OWNER, EXCHANGE };      /* a request's stack */

typedef struct client {
  lab_owned owned;
  lab_fetch_pool *pool; /* NULL: closed */
  lab_list exchanges;   /* that have not ended */
  size_t size;
} client;

/* ---- the end ------------------------------------------------------------- */

static void free_fetch_pool(lab_errand *e) {
  lab_fetch_pool *pool = LAB_CONTAINER(e, lab_fetch_pool, errand);
  if (pool->memory) /* it was never begun */
    lab_counted_free(pool->memory, lab_services_of(e->vm)->pool_size);
  lab_counted_free(pool, sizeof *pool);
}

static lab_exchange *get_exchange(lab_list *link) {
  return LAB_CONTAINER(link, lab_exchange, link);
}

/* Ends what has no task that would do it. */
static void end_client(client *c) {
  lab_owned_remove(&c->owned);
  while (!lab_list_empty(&c->exchanges))
    lab_exchange_end(get_exchange(c->exchanges.next));
  if (c->pool)
    lab_errand_end(&c->pool->errand);
  c->pool = NULL;
}

/* Its tasks have ended. */
static void reclaim_client(lab_owned *o) {
  end_client(LAB_CONTAINER(o, client, owned));
}

/* No task uses it, and nothing that has one of its connections is left. */
static int client_gc(lua_State *L) {
  end_client(luaL_checkudata(L, 1, CLIENT));
  return 0;
}

/* One that has a task: it waits for a connection, and sees that there is none;
 * or for the server, and the control thread tells it. */
static void part_from_task(lab_exchange *x) {
  lab_list_remove(&x->link);
  if (x->place.waits)
    lab_task_ready(x->vm->sched, &x->ticket.task->base);
}

/* client:close() */
static int client_close(lua_State *L) {
  client *c = luaL_checkudata(L, 1, CLIENT);
  lab_list *l = c->exchanges.next;
  while (l != &c->exchanges) {
    lab_exchange *x = get_exchange(l);
    l = l->next;
    if (x->ticket.task)
      part_from_task(x);
  }
  end_client(c);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- lab.http.client ----------------------------------------------------- */

static size_t check_pool_size(lua_State *L) {
  int is_whole = 1;
  lua_Integer size = SIZE_DEFAULT;
  if (lua_getfield(L, 1, "size") != LUA_TNIL)
    size = lua_tointegerx(L, -1, &is_whole);
  luaL_argcheck(L, is_whole && size >= 1 && size <= SIZE_MOST, 1,
                "size must be a whole number from 1 to 10000");
  return (size_t)size;
}

/* Pushes it, or nil. Returns its place. */
static int check_client_name(lua_State *L) {
  int type = lua_getfield(L, 1, "name");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TSTRING, 1,
                "name must be a string");
  luaL_argcheck(
      L, type == LUA_TNIL || strlen(lua_tostring(L, -1)) == lua_rawlen(L, -1),
      1, "a name has no zeros");
  return lua_gettop(L);
}

/* The scenario's memory: a script can make clients faster than the control
 * thread takes them back. */
static lab_fetch_pool *
new_fetch_pool(lua_State *L, const lab_services *services, uint64_t idle_ms) {
  lab_fetch_pool *pool = lab_lua_try_counted(L, sizeof *pool);
  void *memory = pool ? lab_lua_try_counted(L, services->pool_size) : NULL;
  if (!memory) {
    lab_counted_free(pool, sizeof *pool);
    lab_lua_refuse_memory(L, "a client", sizeof *pool + services->pool_size);
  }
  memset(pool, 0, sizeof *pool);
  pool->memory = memory;
  pool->errand.start = services->pool;
  pool->errand.stop = services->stop_pool;
  pool->errand.freed = free_fetch_pool;
  pool->idle_ms = idle_ms;
  return pool;
}

/* Sets CLIENT_PLACES of the client on top of the stack: a table that keeps no
 * pool for its own sake. */
static void give_places(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setiuservalue(L, -2, CLIENT_PLACES);
}

/* lab.http.client([{ size, idle_timeout, name }]) */
static int new_client(lua_State *L) {
  static const char *const options[] = {"size", "idle_timeout", "name"};
  const lab_services *services = lab_lua_check_services(L);
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lab_lua_check_keys(L, 1, "lab.http.client has no option", options,
                     sizeof options / sizeof *options);
  size_t size = check_pool_size(L);
  uint64_t idle_ms = lab_lua_check_idle_timeout(L, 1, IDLE_DEFAULT);
  int name = check_client_name(L);
  client *c = lab_lua_new_named(L, name, sizeof *c, CLIENT_PLACES);
  c->pool = NULL;
  c->size = size;
  lab_list_init(&c->owned.link);
  lab_list_init(&c->exchanges);
  luaL_setmetatable(L, CLIENT);
  give_places(L);
  c->pool = new_fetch_pool(L, services, idle_ms);
  lab_owned_add(lab_vm_of(L), &c->owned, NULL, reclaim_client);
  lab_errand_begin(L, &c->pool->errand);
  return 1;
}

/* ---- pools --------------------------------------------------------------- */

/* A new pool for PLACE, on top of the stack. In dumps it has the name of its
 * client at OWNER, or, if that has none, its place. */
static lab_pool *push_new_pool(lua_State *L, const client *c,
                               const char *place) {
  lab_pool *pool = lua_newuserdatauv(L, sizeof *pool, 1);
  lab_pool_init(pool, c->size);
  if (lua_getiuservalue(L, OWNER, CLIENT_NAME) != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_pushstring(L, place);
  }
  lua_setiuservalue(L, -2, 1);
  return pool;
}

/* Puts the pool for PLACE of the client at OWNER into POOL of the stack. */
static lab_pool *find_pool(lua_State *L, const client *c, const char *place) {
  lua_getiuservalue(L, OWNER, CLIENT_PLACES);
  if (lua_getfield(L, -1, place) != LUA_TUSERDATA) {
    lua_pop(L, 1);
    push_new_pool(L, c, place);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, place);
  }
  lab_pool *pool = lua_touserdata(L, -1);
  lua_replace(L, POOL);
  lua_pop(L, 1);
  return pool;
}

/* ---- a request ----------------------------------------------------------- */

static int fail_request_by(lua_State *L, lab_exchange *x, const char *message,
                           int code) {
  const lab_fetch *f = x->ticket.fetch;
  lab_exchange_leave(x); /* before anything is pushed, which may raise */
  int n = lab_question_fail(L, f->method, f->url, message, code);
  lab_exchange_end(x);
  return n;
}

/* The answer as a whole. */
static int take_answer_table(lua_State *L, lab_exchange *x) {
  lab_exchange_leave(x);
  int n = lab_ticket_push_answer(L, &x->ticket);
  lab_exchange_end(x);
  return n;
}

static int finish_exchange(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_ticket *k = (lab_ticket *)ctx;
  lab_exchange *x = LAB_CONTAINER(k, lab_exchange, ticket);
  if (!lab_ticket_take(L, k))
    lab_exchange_end(x);
  lab_lua_check_cancelled(L);
  if (!x->stream || k->fetch->error)
    return take_answer_table(L, x);
  lab_exchange_open_stream(L, EXCHANGE);
  lua_pushvalue(L, EXCHANGE);
  return 1;
}

static int send_exchange(lua_State *L, lab_exchange *x) {
  const client *c = lua_touserdata(L, OWNER);
  if (!c->pool)
    return fail_request_by(L, x, "the client is closed", -ECANCELED);
  x->ticket.fetch->pool = c->pool;
  return lab_ticket_send(L, &x->ticket, lab_exchange_reclaim, finish_exchange);
}

static int fail_waiting(lua_State *L, lab_exchange *x) {
  char message[128];
  snprintf(message, sizeof message,
           "deadline exceeded while waiting for a connection: %zu of %zu are "
           "taken",
           x->pool->taken, x->pool->size);
  return fail_request_by(L, x, message, -ETIMEDOUT);
}

/* It has waited since BEGAN. */
static void shorten_timeout(lab_exchange *x, uint64_t began) {
  uint64_t waited = (lab_clock_mono() - began) / LAB_MILLISECOND;
  lab_fetch *f = x->ticket.fetch;
  f->timeout_ms = waited < f->timeout_ms ? f->timeout_ms - waited : 1;
}

/* The task has a connection; or its time is over, or there will be none. */
static int finish_waiting(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_exchange *x = (lab_exchange *)ctx;
  const client *c = lua_touserdata(L, OWNER);
  x->ticket.task = NULL;
  if (lab_vm_of(L)->running->base.cancelled)
    lab_exchange_end(x);
  lab_lua_check_cancelled(L);
  if (c->pool && !x->place.has)
    return fail_waiting(L, x);
  shorten_timeout(x, x->began);
  return send_exchange(L, x);
}

static int wait_for_connection(lua_State *L, lab_exchange *x) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *me = vm->running;
  uint64_t ns = x->ticket.fetch->timeout_ms * LAB_MILLISECOND;
  x->began = lab_clock_mono();
  x->ticket.task = me;
  lab_pool_wait(vm->sched, x->pool, &x->place, &me->base, ns, lab_walk(L, 0));
  return lua_yieldk(L, 0, (lua_KContext)x, finish_waiting);
}

/* Makes the exchange for Q, whose strings lie on the stack above OWNER, and
 * leaves POOL, OWNER, EXCHANGE there. */
static lab_exchange *open_exchange(lua_State *L, client *c,
                                   const lab_question *q, const char *place) {
  lab_exchange *x = lab_exchange_new(L);
  int at = lua_gettop(L);
  lab_ticket_open(L, &x->ticket, q);
  x->stream = q->stream;
  lua_pushvalue(L, at);
  lua_replace(L, EXCHANGE); /* the URL or an option, which was copied */
  lua_settop(L, EXCHANGE);
  x->pool = find_pool(L, c, place);
  lua_pushvalue(L, POOL);
  lua_setiuservalue(L, EXCHANGE, LAB_EXCHANGE_POOL);
  lua_pushvalue(L, OWNER);
  lua_setiuservalue(L, EXCHANGE, LAB_EXCHANGE_CLIENT);
  if (x->stream)
    lab_exchange_anchor(L, EXCHANGE);
  lab_list_push_back(&c->exchanges, &x->link);
  return x;
}

/* client:get(url[, { timeout, headers, method, body, stream }]) */
static int client_get(lua_State *L) {
  client *c = luaL_checkudata(L, 1, CLIENT);
  char place[LAB_PLACE_TEXT];
  const lab_services *services = lab_lua_check_services(L);
  lab_question q = lab_question_check(L, 2, "client:get", true);
  lab_lua_check_parkable(L, "get");
  if (!c->pool)
    return lab_question_fail(L, q.method, q.url, "the client is closed",
                             -ECANCELED);
  const char *wrong = services->find_place(q.url, place);
  if (wrong)
    return lab_question_fail(L, q.method, q.url, wrong, -EINVAL);
  lua_pushnil(L);
  lua_insert(L, POOL); /* for the pool; the client is at OWNER now */
  lab_exchange *x = open_exchange(L, c, &q, place);
  if (!lab_pool_try_take(lab_vm_of(L)->sched, x->pool, &x->place))
    return wait_for_connection(L, x);
  return send_exchange(L, x);
}

/* ---- the class ----------------------------------------------------------- */

static int client_tostring(lua_State *L) {
  const client *c = luaL_checkudata(L, 1, CLIENT);
  lab_lua_push_title(L, "HttpClient");
  lua_pushfstring(L, "%s (size %d%s)", lua_tostring(L, -1), (int)c->size,
                  c->pool ? "" : ", closed");
  return 1;
}

static const luaL_Reg http_client_methods[] = {
    {"get", client_get},
    {"close", client_close},
    {NULL, NULL},
};

static const luaL_Reg client_metamethods[] = {
    {"__gc", client_gc},
    {"__close", client_close},
    {"__tostring", client_tostring},
    {NULL, NULL},
};

static const luaL_Reg http_functions[] = {
    {"client", new_client},
    {NULL, NULL},
};

void lab_lib_http_client(lua_State *L) {
  lab_lib_http_stream(L);
  lab_lua_new_class(L, CLIENT, http_client_methods, client_metamethods);
  luaL_setfuncs(L, http_functions, 0);
}
