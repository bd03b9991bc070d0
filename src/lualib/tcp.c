/* SPDX-License-Identifier: MIT
 * See tcp.h. */
#include "lualib/tcp.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "lualib/failure.h"
#include "lualib/socket.h"
#include "lualib/suggest.h"
#include "prim/socket.h"
#include "resources/errand.h"
#include "resources/fds.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char LISTENER[] = "lab.Listener";
static const void *listener_class;
enum { BACKLOG = 128, BACKLOG_MAX = 65535 };

/* ---- arguments ----------------------------------------------------------- */

static const char *check_address_text(lua_State *L, int arg) {
  size_t len;
  const char *text = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, len < 64, arg, "address too long");
  luaL_argcheck(L, strlen(text) == len, arg, "address has a zero byte");
  return text;
}

/* NULL, or why TEXT is no address for the library; then *CODE is set. */
static const char *find_address_fault(const char *text, lab_address *out,
                                      int *code) {
  const char *wrong = lab_address_parse(text, out);
  *code = EINVAL;
  if (wrong || lab_address_is_loopback(&out->any))
    return wrong;
  *code = EACCES;
  return LAB_ADDRESS_NOT_LOOPBACK;
}

/* WHAT: "dial" or "listen". */
static int push_address_fault(lua_State *L, const char *what, const char *text,
                              const char *fault, int code) {
  luaL_pushfail(L);
  lua_pushfstring(L, "%s tcp %s: %s", what, text, fault);
  lua_pushinteger(L, code);
  return 3;
}

/* The stack is the address and a table from now on. */
static void check_tcp_options(lua_State *L, const char *what,
                              const char *const *known, size_t n) {
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  luaL_checktype(L, 2, LUA_TTABLE);
  lab_lua_check_keys(L, 2, what, known, n);
}

static bool read_nodelay(lua_State *L) {
  int type = lua_getfield(L, 2, "nodelay");
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TBOOLEAN, 2,
                "nodelay must be true or false");
  bool on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

static int read_backlog(lua_State *L) {
  int type = lua_getfield(L, 2, "backlog"), is_integer = 1;
  lua_Integer n =
      type == LUA_TNIL ? BACKLOG : lua_tointegerx(L, -1, &is_integer);
  luaL_argcheck(L, is_integer && n >= 1 && n <= BACKLOG_MAX, 2,
                "backlog must be a whole number from 1 to 65535");
  lua_pop(L, 1);
  return (int)n;
}

/* ---- opening ------------------------------------------------------------- */

/* Opens S for ADDRESS. 0 or negative errno. */
static int open_tcp_socket(lua_State *L, lab_lua_socket *s,
                           const lab_address *address, bool nodelay,
                           const char *kind) {
  if (!lab_fd_take(s->watch.vm))
    return -EMFILE;
  int fd = lab_fd_opened(L, lab_socket_open(address));
  if (fd < 0)
    return fd;
  lab_lua_open_socket(s, fd, kind);
  return nodelay ? lab_socket_set_nodelay(fd, true) : 0;
}

/* nil, "WHAT tcp ADDRESS: STEP: reason", errno; STEP may be NULL. The address
 * is at 1. */
static int push_tcp_failure(lua_State *L, const char *what, const char *step,
                            int code) {
  const char *address = lua_tostring(L, 1);
  if (step)
    lua_pushfstring(L, "%s tcp %s: %s", what, address, step);
  else
    lua_pushfstring(L, "%s tcp %s", what, address);
  return lab_lua_net_failure(L, lua_tostring(L, -1), code);
}

/* ---- lab.tcp.connect ----------------------------------------------------- */

enum { CONNECT_DEADLINE = 2, CONNECT_SOCKET = 3 }; /* on its stack */

static int try_connect(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_socket *s = (lab_lua_socket *)ctx;
  if (s->watch.vm->running->base.cancelled)
    lab_lua_close_socket(s);
  lab_lua_check_cancelled(L);
  int rc = lab_watch_may_try(&s->watch, LAB_WATCH_OUT);
  if (rc == 0)
    rc = lab_socket_connect(s->watch.fd, &s->remote);
  if (rc == -EAGAIN) {
    rc = lab_watch_wait(L, &s->watch, LAB_WATCH_OUT,
                        lab_lua_get_deadline(L, CONNECT_DEADLINE));
    if (rc == 0)
      return lua_yieldk(L, 0, ctx, try_connect);
  }
  lab_watch_end(&s->watch, LAB_WATCH_OUT);
  if (rc) {
    lab_lua_close_socket(s);
    return push_tcp_failure(L, "dial", rc == -ETIME ? NULL : "connect", rc);
  }
  lab_socket_find_local(s->watch.fd, &s->local);
  lua_settop(L, CONNECT_SOCKET);
  return 1;
}

/* lab.tcp.connect(address[, { timeout, nodelay }]) */
static int tcp_connect(lua_State *L) {
  static const char *const options[] = {"timeout", "nodelay"};
  lab_address address;
  int code;
  const char *text = check_address_text(L, 1);
  check_tcp_options(L, "lab.tcp.connect has no option", options,
                    sizeof options / sizeof *options);
  bool nodelay = read_nodelay(L);
  lua_getfield(L, 2, "timeout");
  luaL_argcheck(L, lua_isnil(L, -1) || lua_type(L, -1) == LUA_TNUMBER, 2,
                "timeout must be a number of seconds");
  lua_replace(L, 2);
  lab_lua_push_deadline(L, CONNECT_DEADLINE);
  lab_lua_check_services(L);
  lab_lua_check_parkable(L, "connect");
  const char *fault = find_address_fault(text, &address, &code);
  if (fault)
    return push_address_fault(L, "dial", text, fault, code);
  lab_lua_socket *s = lab_lua_new_socket(L, NULL);
  s->remote = address;
  int rc = open_tcp_socket(L, s, &address, nodelay, "socket");
  if (rc) {
    lab_lua_close_socket(s);
    return push_tcp_failure(L, "dial", "socket", rc);
  }
  lab_watch_begin(&s->watch, LAB_WATCH_OUT);
  return try_connect(L, LUA_OK, (lua_KContext)s);
}

/* ---- lab.tcp.listen ------------------------------------------------------ */

/* lab.tcp.listen(address[, { backlog, nodelay }]) */
static int tcp_listen(lua_State *L) {
  static const char *const options[] = {"backlog", "nodelay"};
  lab_address address;
  int code;
  const char *text = check_address_text(L, 1);
  check_tcp_options(L, "lab.tcp.listen has no option", options,
                    sizeof options / sizeof *options);
  bool nodelay = read_nodelay(L);
  int backlog = read_backlog(L);
  lab_lua_check_services(L);
  const char *fault = find_address_fault(text, &address, &code);
  if (fault)
    return push_address_fault(L, "listen", text, fault, code);
  lab_lua_socket *s = lab_lua_new_socket(L, LISTENER);
  int rc = open_tcp_socket(L, s, &address, nodelay, "listener");
  if (rc == 0)
    rc = lab_socket_listen(s->watch.fd, &address, backlog);
  if (rc) {
    lab_lua_close_socket(s);
    return push_tcp_failure(L, "listen", NULL, rc);
  }
  lab_socket_find_local(s->watch.fd, &s->local);
  return 1;
}

/* ---- Listener ------------------------------------------------------------ */

enum { ACCEPT_DEADLINE = 2, ACCEPT_SOCKET = 3 }; /* on the stack of accept */

static lab_lua_socket *check_listener(lua_State *L) {
  return lab_lua_check_object(L, 1, listener_class, LISTENER);
}

/* Opens S for the next client of LISTENER. 0 or negative errno. */
static int accept_client_socket(lua_State *L, lab_lua_socket *listener,
                                lab_lua_socket *s) {
  int rc = lab_watch_may_try(&listener->watch, LAB_WATCH_IN);
  if (rc)
    return rc;
  if (!lab_fd_take_for_client(listener->watch.vm))
    return -EMFILE;
  int fd = lab_fd_opened(L, lab_socket_accept(listener->watch.fd, &s->remote));
  if (fd < 0)
    return fd;
  lab_lua_open_socket(s, fd, "socket");
  lab_socket_find_local(fd, &s->local);
  return 0;
}

static int try_accept(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_socket *listener = (lab_lua_socket *)ctx;
  lab_watch_check(L, &listener->watch, LAB_WATCH_IN);
  int rc = accept_client_socket(L, listener, lua_touserdata(L, ACCEPT_SOCKET));
  if (rc == -EAGAIN) {
    rc = lab_watch_wait(L, &listener->watch, LAB_WATCH_IN,
                        lab_lua_get_deadline(L, ACCEPT_DEADLINE));
    if (rc == 0)
      return lua_yieldk(L, 0, ctx, try_accept);
  }
  lab_watch_end(&listener->watch, LAB_WATCH_IN);
  if (rc)
    return lab_lua_net_failure(L, lab_lua_name_call(L, listener, "accept"), rc);
  lua_settop(L, ACCEPT_SOCKET);
  return 1;
}

/* l:accept([seconds]): the Socket is made before there is a client that could
 * be lost. */
static int listener_accept(lua_State *L) {
  lab_lua_socket *listener = check_listener(L);
  lab_lua_push_deadline(L, ACCEPT_DEADLINE);
  lab_lua_check_parkable(L, "accept");
  lab_lua_new_socket(L, NULL);
  lab_watch_begin(&listener->watch, LAB_WATCH_IN);
  return try_accept(L, LUA_OK, (lua_KContext)listener);
}

static int listener_address(lua_State *L) {
  char text[LAB_ADDRESS_TEXT];
  lab_address_write(&check_listener(L)->local.any, text);
  lua_pushstring(L, text);
  return 1;
}

static int listener_close(lua_State *L) {
  return lab_lua_socket_closed(L, check_listener(L));
}

/* It is collected, or a <close> variable ends. */
static int listener_gc(lua_State *L) {
  lab_lua_close_socket(luaL_checkudata(L, 1, LISTENER));
  return 0;
}

static int listener_tostring(lua_State *L) {
  const lab_lua_socket *s = luaL_checkudata(L, 1, LISTENER);
  listener_address(L);
  lua_pushfstring(L, "Listener (%s%s)", lua_tostring(L, -1),
                  s->watch.fd < 0 ? ", closed" : "");
  return 1;
}

static const luaL_Reg listener_methods[] = {
    {"accept", listener_accept},
    {"address", listener_address},
    {"close", listener_close},
    {NULL, NULL},
};

static const luaL_Reg listener_metamethods[] = {
    {"__gc", listener_gc},
    {"__close", listener_gc},
    {"__tostring", listener_tostring},
    {NULL, NULL},
};

static const luaL_Reg tcp_functions[] = {
    {"connect", tcp_connect},
    {"listen", tcp_listen},
    {NULL, NULL},
};

void lab_lib_tcp(lua_State *L) {
  lab_lib_socket(L);
  listener_class =
      lab_lua_new_class(L, LISTENER, listener_methods, listener_metamethods);
  luaL_newlib(L, tcp_functions);
  lab_walk_register(L, "lab.tcp", false);
  lua_setfield(L, -2, "tcp");
}
