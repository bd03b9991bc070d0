/* SPDX-License-Identifier: MIT
 * See server.h.
 *
 * The control thread listens and parses. Each request comes to the VM as those
 * of
 * "/" do (scenario/request.c), and calls the server's function as a task of its
 * step. */
#include "lualib/server.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "lualib/class.h"
#include "lualib/limit.h"
#include "lualib/suggest.h"
#include "resources/errand.h"
#include "resources/fds.h"
#include "resources/owned.h"
#include "vm/anchors.h"
#include "vm/vm.h"

static const char SERVER[] = "lab.Server";
static const double IDLE_DEFAULT = 120; /* seconds */

typedef struct server { /* user values: its address, LAB_SERVE_FUNCTION */
  lab_owned owned;
  lab_serve *serve; /* NULL: closed */
  lab_lua_task *waiting;
  bool listening;
} server;

static void end_server(server *s) {
  lab_owned_remove(&s->owned);
  if (!s->serve)
    return;
  lab_anchor_drop(s->serve->errand.vm, s);
  s->serve->object = NULL;
  lab_errand_end(&s->serve->errand);
  s->serve = NULL;
}

static void reclaim_server(lab_owned *o) {
  end_server(LAB_CONTAINER(o, server, owned));
}

static void hear_of_server(lab_errand *e, int news) {
  (void)news;
  server *s = e->user;
  s->listening = true;
  if (s->waiting)
    lab_task_ready(e->vm->sched, &s->waiting->base);
}

static void free_serve(lab_errand *e) {
  lab_xfree(LAB_CONTAINER(e, lab_serve, errand));
}

/* ---- lab.listen ---------------------------------------------------------- */

static int push_listen_failure(lua_State *L, const char *address,
                               const char *message, int code) {
  luaL_pushfail(L);
  lua_pushfstring(L, "listen tcp %s: %s", address, message);
  lua_pushinteger(L, -code);
  return 3;
}

static int fail_listen(lua_State *L, server *s) {
  int n = push_listen_failure(L, s->serve->address, s->serve->message,
                              s->serve->error);
  end_server(s);
  return n;
}

/* The server is on top of the stack. */
static int finish_listen(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  server *s = (server *)ctx;
  s->waiting = NULL;
  if (lab_vm_of(L)->running->base.cancelled)
    end_server(s);
  lab_lua_check_cancelled(L);
  if (s->serve->error)
    return fail_listen(L, s);
  lua_pushstring(L, s->serve->address);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

static server *new_server(lua_State *L) {
  server *s = lua_newuserdatauv(L, sizeof *s, LAB_SERVE_FUNCTION);
  memset(s, 0, sizeof *s);
  lab_list_init(&s->owned.link);
  luaL_setmetatable(L, SERVER);
  return s;
}

static lab_serve *new_serve(lab_vm *vm, const char *address, uint64_t idle_ms) {
  lab_serve *v = lab_xcalloc(1, sizeof *v);
  v->errand.start = lab_services_of(vm)->serve;
  v->errand.stop = lab_services_of(vm)->stop_serve;
  v->errand.told = hear_of_server;
  v->errand.freed = free_serve;
  v->idle_ms = idle_ms;
  snprintf(v->address, sizeof v->address, "%s", address);
  return v;
}

/* The options at 3: for how long a client may be silent, in ms; 0: for ever. */
static uint64_t check_listen_options(lua_State *L) {
  static const char *const options[] = {"idle_timeout"};
  lua_settop(L, 3);
  if (lua_isnil(L, 3)) {
    lua_newtable(L);
    lua_replace(L, 3);
  }
  luaL_checktype(L, 3, LUA_TTABLE);
  lab_lua_check_keys(L, 3, "lab.listen has no option", options, 1);
  return lab_lua_check_idle_timeout(L, 3, IDLE_DEFAULT);
}

/* lab.listen(address, fn[, { idle_timeout }]) */
static int server_listen(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  size_t len;
  const char *address = luaL_checklstring(L, 1, &len);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_argcheck(L, len < 60, 1, "address too long");
  luaL_argcheck(L, strlen(address) == len, 1, "address has a zero byte");
  uint64_t idle_ms = check_listen_options(L);
  lab_lua_check_services(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "listen");
  lua_settop(L, 2);
  server *s = new_server(L);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 3, LAB_SERVE_FUNCTION);
  lua_pushvalue(L, 3);
  lab_anchor_set(L, s); /* may raise, so before anything is begun */
  if (!lab_fd_take(vm)) {
    lab_anchor_drop(vm, s);
    return push_listen_failure(L, address, "too many open files", -EMFILE);
  }
  lab_serve *v = s->serve = new_serve(vm, address, idle_ms);
  v->object = s;
  v->generation = me->base.generation;
  v->errand.fds.count = 1;
  v->errand.user = s;
  s->waiting = me;
  lab_owned_add(vm, &s->owned, "server", reclaim_server);
  lab_errand_begin(L, &v->errand);
  lab_task_park(vm->sched, &me->base, LAB_WAIT_NET, v->errand.stack);
  return lua_yieldk(L, 0, (lua_KContext)s, finish_listen);
}

/* ---- methods ------------------------------------------------------------- */

static int server_address(lua_State *L) {
  luaL_checkudata(L, 1, SERVER);
  lua_getiuservalue(L, 1, 1);
  return 1;
}

static int server_close(lua_State *L) {
  server *s = luaL_checkudata(L, 1, SERVER);
  if (!s->serve) {
    luaL_pushfail(L);
    lua_getiuservalue(L, 1, 1);
    lua_pushfstring(L, "close tcp %s: use of closed network connection",
                    lua_tostring(L, -1));
    lua_pushinteger(L, EBADF);
    lua_remove(L, -3);
    return 3;
  }
  end_server(s);
  lua_pushboolean(L, 1);
  return 1;
}

/* Only a closed server is collected, or any one at the end of the VM. */
static int server_gc(lua_State *L) {
  end_server(luaL_checkudata(L, 1, SERVER));
  return 0;
}

static int server_tostring(lua_State *L) {
  server *s = luaL_checkudata(L, 1, SERVER);
  lua_getiuservalue(L, 1, 1);
  lua_pushfstring(L, "Server (%s%s)", lua_tostring(L, -1),
                  s->serve ? "" : ", closed");
  return 1;
}

static const luaL_Reg server_methods[] = {
    {"address", server_address},
    {"close", server_close},
    {NULL, NULL},
};

static const luaL_Reg server_metamethods[] = {
    {"__gc", server_gc},
    {"__close", server_gc},
    {"__tostring", server_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"listen", server_listen},
    {NULL, NULL},
};

void lab_lib_server(lua_State *L) {
  lab_lua_new_class(L, SERVER, server_methods, server_metamethods);
  luaL_setfuncs(L, functions, 0);
}
