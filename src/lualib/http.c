/* SPDX-License-Identifier: MIT
 * See http.h.
 *
 * The control thread sends it while the task is parked. On the task's stack is
 * a ticket, a userdata that ends the errand however the task ends: by the
 * answer, by an error while the answer is unpacked, cancelled, or with the VM.
 */
#include "lualib/http.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/token.h"
#include "lualib/class.h"
#include "lualib/failure.h"
#include "lualib/suggest.h"
#include "resources/errand.h"
#include "resources/fds.h"
#include "resources/owned.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char TICKET[] = "lab.HttpTicket";
static const double TIMEOUT = 30;
/* Bytes. They are the lab's own memory, so they can't be as large as a scenario
 * likes. */
enum { URL_MAX = 8192, METHOD_MAX = 32, HEADERS_MAX = 8192 };

typedef struct ticket {
  lab_owned owned;
  lab_fetch *fetch; /* NULL: ended */
  lab_lua_task *task;
  bool done;
} ticket;

static void end_fetch(ticket *k) {
  lab_owned_remove(&k->owned);
  if (k->fetch)
    lab_errand_end(&k->fetch->errand);
  k->fetch = NULL;
}

static void reclaim_fetch(lab_owned *o) {
  end_fetch(LAB_CONTAINER(o, ticket, owned));
}

static int ticket_gc(lua_State *L) {
  end_fetch(luaL_checkudata(L, 1, TICKET));
  return 0;
}

/* ---- the errand ---------------------------------------------------------- */

static void hear_of_fetch(lab_errand *e, int news) {
  (void)news;
  ticket *k = e->user;
  k->done = true;
  lab_task_ready(e->vm->sched, &k->task->base);
}

static void free_fetch(lab_errand *e) {
  lab_fetch *f = LAB_CONTAINER(e, lab_fetch, errand);
  lab_xfree(f->method);
  lab_xfree(f->url);
  lab_xfree(f->headers);
  lab_buf_free(&f->body);
  lab_buf_free(&f->answer_headers);
  lab_buf_free(&f->answer);
  lab_xfree(f);
}

/* ---- the question -------------------------------------------------------- */

/* Adds the pair on top of the stack, which is checked, to LEN bytes of LINES.
 * Returns how many there are then. What is too long isn't looked through. */
static size_t add_header_line(lua_State *L, char *lines, size_t len) {
  size_t nname, nvalue;
  if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "headers must be a table of strings");
  const char *name = lua_tolstring(L, -2, &nname);
  const char *value = lua_tolstring(L, -1, &nvalue);
  if (nname >= HEADERS_MAX || nvalue >= HEADERS_MAX ||
      len + nname + nvalue + 4 > HEADERS_MAX)
    luaL_error(L, "headers are too long");
  if (!lab_is_token(name, nname) || !lab_is_field_value(value, nvalue))
    luaL_error(L, "invalid header '%s'", name);
  return len + (size_t)snprintf(lines + len, HEADERS_MAX + 1 - len,
                                "%s: %s\r\n", name, value);
}

/* Replaces the table (or nil) on top by its pairs as lines. */
static const char *copy_headers(lua_State *L) {
  char lines[HEADERS_MAX + 1];
  size_t len = 0;
  int table = lua_gettop(L);
  if (!lua_isnil(L, table)) {
    luaL_checktype(L, table, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
      len = add_header_line(L, lines, len);
  }
  lua_pop(L, 1);
  return lua_pushlstring(L, lines, len);
}

/* The arguments of get. The strings are on Lua's stack. */
typedef struct question {
  const char *url, *method, *headers, *body;
  size_t body_len;
  double timeout;
} question;

static question check_question(lua_State *L) {
  static const char *const options[] = {"timeout", "headers", "method", "body"};
  size_t len;
  question q = {.url = luaL_checklstring(L, 1, &len)};
  luaL_argcheck(L, len <= URL_MAX, 1, "URL is longer than 8 KiB");
  luaL_argcheck(L, strlen(q.url) == len, 1, "URL has a zero byte");
  if (lua_isnoneornil(L, 2)) {
    lua_settop(L, 1);
    lua_newtable(L);
  }
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lab_lua_check_keys(L, 2, "lab.http.get has no option", options,
                     sizeof options / sizeof *options);
  lua_getfield(L, 2, "timeout");
  q.timeout = luaL_optnumber(L, -1, TIMEOUT);
  luaL_argcheck(L, q.timeout > 0 && q.timeout < 1e6, 2, "bad timeout");
  lua_getfield(L, 2, "method");
  q.method = luaL_optlstring(L, -1, "GET", &len);
  luaL_argcheck(L, len <= METHOD_MAX && lab_is_token(q.method, len), 2,
                "bad method");
  lua_getfield(L, 2, "body");
  q.body = luaL_optlstring(L, -1, "", &q.body_len);
  lua_getfield(L, 2, "headers");
  q.headers = copy_headers(L);
  return q;
}

/* Raises if the step may not have a copy of the body. */
static lab_fetch *new_fetch(lua_State *L, const lab_services *services,
                            const question *q) {
  lab_buf body = LAB_BUF_INIT;
  if (!lab_buf_try_append(&body, q->body, q->body_len))
    lab_lua_refuse_memory(L, "a body", q->body_len);
  lab_fetch *f = lab_xcalloc(1, sizeof *f);
  f->errand.start = services->fetch;
  f->errand.stop = services->stop_fetch;
  f->errand.told = hear_of_fetch;
  f->errand.freed = free_fetch;
  f->method = lab_xstrdup(q->method);
  f->url = lab_xstrdup(q->url);
  f->headers = lab_xstrdup(q->headers);
  f->body = body;
  f->timeout_ms = (uint64_t)(q->timeout * 1000) + 1;
  return f;
}

/* ---- the answer ---------------------------------------------------------- */

/* Pushes lines "name: value" as a table. Values of equal names are joined by
 * commas. */
static void push_headers(lua_State *L, const lab_buf *lines) {
  const char *at = lines->data, *end_ = at + lines->len;
  lua_newtable(L);
  while (at < end_) {
    const char *newline = memchr(at, '\n', (size_t)(end_ - at));
    const char *colon = memchr(at, ':', (size_t)(newline - at));
    lua_pushlstring(L, at, (size_t)(colon - at));
    lua_pushvalue(L, -1);
    bool again = lua_rawget(L, -3) != LUA_TNIL;
    if (again)
      lua_pushliteral(L, ", ");
    else
      lua_pop(L, 1);
    lua_pushlstring(L, colon + 2, (size_t)(newline - colon - 2));
    if (again)
      lua_concat(L, 3);
    lua_rawset(L, -3);
    at = newline + 1;
  }
}

static int push_fetch_failure(lua_State *L, const lab_fetch *f) {
  luaL_pushfail(L);
  lua_pushfstring(L, "%s \"%s\": %s", f->method, f->url, f->message);
  lua_pushinteger(L, -f->error);
  return 3;
}

static int push_answer(lua_State *L, const lab_fetch *f) {
  if (f->error)
    return push_fetch_failure(L, f);
  lua_createtable(L, 0, 3);
  int answer = lua_gettop(L);
  lua_pushinteger(L, f->status);
  lua_setfield(L, answer, "status");
  lua_pushlstring(L, f->answer.len ? f->answer.data : "", f->answer.len);
  lua_setfield(L, answer, "body");
  push_headers(L, &f->answer_headers);
  lua_setfield(L, answer, "headers");
  return 1;
}

static int finish_get(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  ticket *k = (ticket *)ctx;
  if (!k->done)
    end_fetch(k);
  lab_lua_check_cancelled(L);
  int n = push_answer(L, k->fetch);
  end_fetch(k);
  return n;
}

/* lab.http.get(url[, { timeout, headers, method, body }]) */
static int http_get(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  const lab_services *services = lab_lua_check_services(L);
  question q = check_question(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "get");
  ticket *k = lua_newuserdatauv(L, sizeof *k, 0);
  memset(k, 0, sizeof *k);
  lab_list_init(&k->owned.link);
  luaL_setmetatable(L, TICKET);
  k->task = me;
  lab_fetch *f = new_fetch(L, services, &q);
  if (!lab_fd_take(vm)) {
    free_fetch(&f->errand);
    return lab_lua_failure(L, "dial tcp", NULL, -EMFILE);
  }
  k->fetch = f;
  k->fetch->errand.user = k;
  k->fetch->errand.fds.count = 1;
  lab_owned_add(vm, &k->owned, NULL, reclaim_fetch);
  lab_errand_begin(L, &k->fetch->errand);
  lab_task_park(vm->sched, &me->base, LAB_WAIT_NET, k->fetch->errand.stack);
  return lua_yieldk(L, 0, (lua_KContext)k, finish_get);
}

static const luaL_Reg http_functions[] = {
    {"get", http_get},
    {NULL, NULL},
};

static const luaL_Reg ticket_metamethods[] = {
    {"__gc", ticket_gc},
    {NULL, NULL},
};

void lab_lib_http(lua_State *L) {
  lab_lua_new_class(L, TICKET, NULL, ticket_metamethods);
  luaL_newlib(L, http_functions);
  lab_walk_register(L, "lab.http", false);
  lua_setfield(L, -2, "http");
}
