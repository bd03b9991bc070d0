/* SPDX-License-Identifier: MIT
 * See socket.h.
 *
 * A call keeps all it needs on its task's stack: the Socket, what the script
 * gave, the deadline, and how much of it was done. */
#include "lualib/socket.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "lualib/class.h"
#include "lualib/failure.h"
#include "prim/socket.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char SOCKET[] = "lab.Socket";
static const void *socket_class;

enum {
  ASKED_MAX = 1 << 30,   /* bytes that a script may ask for */
  READ_MAX = 64 << 10,   /* that it gets at once */
  WRITE_MAX = 256 << 10, /* that are written before others have their turn */
};
enum { DEADLINE = 3, WRITTEN = 4 }; /* on the stack of a call */

/* ---- for both classes ---------------------------------------------------- */

lab_lua_socket *lab_lua_new_socket(lua_State *L, const char *class) {
  lab_lua_socket *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  lab_list_init(&s->owned.link);
  lab_watch_init(lab_vm_of(L), &s->watch);
  luaL_setmetatable(L, class ? class : SOCKET);
  return s;
}

static void reclaim_socket(lab_owned *o) {
  lab_watch_close(&LAB_CONTAINER(o, lab_lua_socket, owned)->watch);
}

void lab_lua_open_socket(lab_lua_socket *s, int fd, const char *kind) {
  s->watch.fd = fd;
  lab_owned_add(s->watch.vm, &s->owned, kind, reclaim_socket);
}

void lab_lua_close_socket(lab_lua_socket *s) {
  lab_owned_remove(&s->owned);
  lab_watch_close(&s->watch);
}

const char *lab_lua_name_call(lua_State *L, const lab_lua_socket *s,
                              const char *what) {
  char local[LAB_ADDRESS_TEXT], remote[LAB_ADDRESS_TEXT];
  lab_address_write(&s->local.any, local);
  if (s->remote.any.sa_family == AF_UNSPEC)
    return lua_pushfstring(L, "%s tcp %s", what, local);
  lab_address_write(&s->remote.any, remote);
  return lua_pushfstring(L, "%s tcp %s->%s", what, local, remote);
}

int lab_lua_socket_closed(lua_State *L, lab_lua_socket *s) {
  if (s->watch.fd < 0)
    return lab_lua_net_failure(L, lab_lua_name_call(L, s, "close"), -EBADF);
  lab_lua_close_socket(s);
  lua_pushboolean(L, 1);
  return 1;
}

void lab_lua_push_deadline(lua_State *L, int arg) {
  uint64_t deadline = LAB_WATCH_FOREVER;
  if (!lua_isnoneornil(L, arg))
    deadline = lab_clock_mono() + lab_lua_check_seconds(L, arg);
  lua_settop(L, arg - 1);
  lua_pushinteger(L, (lua_Integer)deadline);
}

uint64_t lab_lua_get_deadline(lua_State *L, int index) {
  return (uint64_t)lua_tointeger(L, index);
}

/* ---- reading ------------------------------------------------------------- */

static lab_lua_socket *check_socket(lua_State *L) {
  return lab_lua_check_object(L, 1, socket_class, SOCKET);
}

static int push_socket_failure(lua_State *L, const lab_lua_socket *s,
                               const char *what, int code) {
  return lab_lua_net_failure(L, lab_lua_name_call(L, s, what), code);
}

static int push_end_of_stream(lua_State *L) {
  luaL_pushfail(L);
  lua_pushliteral(L, "EOF");
  lua_pushinteger(L, 0);
  return 3;
}

static int try_read(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_socket *s = (lab_lua_socket *)ctx;
  lua_Integer asked = lua_tointeger(L, 2);
  char bytes[READ_MAX];
  lab_watch_check(L, &s->watch, LAB_WATCH_IN);
  ssize_t n = lab_watch_may_try(&s->watch, LAB_WATCH_IN);
  if (n == 0)
    n = lab_socket_read(s->watch.fd, bytes,
                        asked < READ_MAX ? (size_t)asked : READ_MAX);
  if (n == -EAGAIN) {
    int rc = lab_watch_wait(L, &s->watch, LAB_WATCH_IN,
                            lab_lua_get_deadline(L, DEADLINE));
    if (rc == 0)
      return lua_yieldk(L, 0, ctx, try_read);
    n = rc;
  }
  lab_watch_end(&s->watch, LAB_WATCH_IN);
  if (n < 0)
    return push_socket_failure(L, s, "read", (int)n);
  if (n == 0)
    return push_end_of_stream(L);
  lua_pushlstring(L, bytes, (size_t)n);
  return 1;
}

/* s:read(n[, seconds]) */
static int socket_read(lua_State *L) {
  lab_lua_socket *s = check_socket(L);
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n > 0 && n <= ASKED_MAX, 2, "1 to 2^30 bytes can be read");
  lab_lua_push_deadline(L, DEADLINE);
  lab_lua_check_parkable(L, "read");
  lab_watch_begin(&s->watch, LAB_WATCH_IN);
  return try_read(L, LUA_OK, (lua_KContext)s);
}

/* ---- writing ------------------------------------------------------------- */

/* Hands the next piece to the kernel. How much it has taken, or a negative
 * errno. */
static ssize_t send_piece(lua_State *L, const lab_lua_socket *s,
                          size_t written) {
  size_t size;
  const char *bytes = lua_tolstring(L, 2, &size);
  size_t rest = size - written;
  ssize_t n = lab_watch_may_try(&s->watch, LAB_WATCH_OUT);
  if (n == 0)
    n = lab_socket_write(s->watch.fd, bytes + written,
                         rest < WRITE_MAX ? rest : WRITE_MAX);
  return n;
}

/* More is to be written, but others have their turn before: nothing else would
 * run while a peer takes a gigabyte. */
static void make_way(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_task_sleep(vm->sched, &vm->running->base, 0, lab_walk(L, 0));
}

static int push_written(lua_State *L, const lab_lua_socket *s, ssize_t n,
                        size_t written) {
  if (n >= 0) {
    lua_pushinteger(L, (lua_Integer)written);
    return 1;
  }
  push_socket_failure(L, s, "write", (int)n);
  lua_pushinteger(L, (lua_Integer)written);
  return 4;
}

static int try_write(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_socket *s = (lab_lua_socket *)ctx;
  size_t written = (size_t)lua_tointeger(L, WRITTEN);
  lab_watch_check(L, &s->watch, LAB_WATCH_OUT);
  ssize_t n = send_piece(L, s, written);
  bool parked = false;
  if (n == -EAGAIN) {
    n = lab_watch_wait(L, &s->watch, LAB_WATCH_OUT,
                       lab_lua_get_deadline(L, DEADLINE));
    parked = n == 0;
  } else if (n > 0) {
    written += (size_t)n;
    parked = written < lua_rawlen(L, 2);
    if (parked)
      make_way(L);
  }
  if (parked) {
    lua_pushinteger(L, (lua_Integer)written);
    lua_replace(L, WRITTEN);
    return lua_yieldk(L, 0, ctx, try_write);
  }
  lab_watch_end(&s->watch, LAB_WATCH_OUT);
  return push_written(L, s, n, written);
}

/* s:write(bytes[, seconds]): the string stays on the stack meanwhile. */
static int socket_write(lua_State *L) {
  lab_lua_socket *s = check_socket(L);
  luaL_checkstring(L, 2);
  lab_lua_push_deadline(L, DEADLINE);
  lua_pushinteger(L, 0);
  lab_lua_check_parkable(L, "write");
  lab_watch_begin(&s->watch, LAB_WATCH_OUT);
  return try_write(L, LUA_OK, (lua_KContext)s);
}

/* ---- other methods ------------------------------------------------------- */

/* Of a call that the kernel has answered at once: true, or nil and why not. */
static int push_socket_result(lua_State *L, const lab_lua_socket *s,
                              const char *what, int rc) {
  if (rc)
    return push_socket_failure(L, s, what, rc);
  lua_pushboolean(L, 1);
  return 1;
}

/* s:shutdown() */
static int socket_shutdown(lua_State *L) {
  lab_lua_socket *s = check_socket(L);
  int fd = s->watch.fd;
  return push_socket_result(L, s, "shutdown",
                            fd < 0 ? -EBADF : lab_socket_shutdown(fd));
}

/* s:set_nodelay(on) */
static int socket_set_nodelay(lua_State *L) {
  lab_lua_socket *s = check_socket(L);
  int fd = s->watch.fd;
  luaL_checktype(L, 2, LUA_TBOOLEAN);
  bool on = lua_toboolean(L, 2);
  return push_socket_result(L, s, "set",
                            fd < 0 ? -EBADF : lab_socket_set_nodelay(fd, on));
}

/* s:close() */
static int socket_close(lua_State *L) {
  return lab_lua_socket_closed(L, check_socket(L));
}

static int push_address(lua_State *L, const lab_address *address) {
  char text[LAB_ADDRESS_TEXT];
  lab_address_write(&address->any, text);
  lua_pushstring(L, text);
  return 1;
}

static int socket_local_address(lua_State *L) {
  return push_address(L, &check_socket(L)->local);
}

static int socket_remote_address(lua_State *L) {
  return push_address(L, &check_socket(L)->remote);
}

/* It is collected, or a <close> variable ends. */
static int socket_gc(lua_State *L) {
  lab_lua_close_socket(luaL_checkudata(L, 1, SOCKET));
  return 0;
}

static int socket_tostring(lua_State *L) {
  const lab_lua_socket *s = luaL_checkudata(L, 1, SOCKET);
  push_address(L, &s->local);
  push_address(L, &s->remote);
  lua_pushfstring(L, "Socket (%s->%s%s)", lua_tostring(L, -2),
                  lua_tostring(L, -1), s->watch.fd < 0 ? ", closed" : "");
  return 1;
}

static const luaL_Reg socket_methods[] = {
    {"read", socket_read},
    {"write", socket_write},
    {"shutdown", socket_shutdown},
    {"close", socket_close},
    {"set_nodelay", socket_set_nodelay},
    {"local_address", socket_local_address},
    {"remote_address", socket_remote_address},
    {NULL, NULL},
};

static const luaL_Reg socket_metamethods[] = {
    {"__gc", socket_gc},
    {"__close", socket_gc},
    {"__tostring", socket_tostring},
    {NULL, NULL},
};

void lab_lib_socket(lua_State *L) {
  socket_class =
      lab_lua_new_class(L, SOCKET, socket_methods, socket_metamethods);
}
