/* SPDX-License-Identifier: MIT
 * See ticket.h. */
#include "lualib/ticket.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/token.h"
#include "lualib/failure.h"
#include "lualib/suggest.h"
#include "resources/headers.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const double TIMEOUT = 30;
/* Bytes. They are the lab's own memory, so they can't be as large as a scenario
 * likes. */
enum {
  URL_MAX = 8192,
  METHOD_MAX = 32,
  HEADERS_MAX = 8192,
  BODY_MAX = 1 << 30
};

/* ---- the question -------------------------------------------------------- */

/* Whether the client writes the header NAME itself. A second one would have the
 * server refuse the request, or read another one. With KEEPS it may be told to
 * close the connection; otherwise it does so in any case. */
static bool is_written_by_client(const char *name, bool keeps) {
  static const char *const names[] = {"Host", "Content-Length",
                                      "Transfer-Encoding", NULL};
  for (size_t i = 0; names[i]; i++)
    if (strcasecmp(name, names[i]) == 0)
      return true;
  return !keeps && strcasecmp(name, "Connection") == 0;
}

/* Adds the pair on top of the stack, which is checked, to LEN bytes of LINES.
 * Returns how many there are then. What is too long isn't looked through. */
static size_t add_header_line(lua_State *L, char *lines, size_t len,
                              bool keeps) {
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
  if (is_written_by_client(name, keeps))
    luaL_error(L, "headers can't have '%s': the client writes it itself", name);
  return len + (size_t)snprintf(lines + len, HEADERS_MAX + 1 - len,
                                "%s: %s\r\n", name, value);
}

/* Replaces the table (or nil) on top by its pairs as lines. KEEPS: as above. */
static const char *copy_headers(lua_State *L, bool keeps) {
  char lines[HEADERS_MAX + 1];
  size_t len = 0;
  int table = lua_gettop(L);
  if (!lua_isnil(L, table)) {
    luaL_checktype(L, table, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
      len = add_header_line(L, lines, len, keeps);
  }
  lua_pop(L, 1);
  return lua_pushlstring(L, lines, len);
}

/* Makes the table at ARG, an empty one if there is none, the last value of the
 * stack, with the names of options only. */
static void check_request_options(lua_State *L, int arg, const char *who,
                                  bool may_stream) {
  static const char *const options[] = {"timeout", "headers", "method", "body",
                                        "stream"};
  size_t n = sizeof options / sizeof *options;
  if (lua_isnoneornil(L, arg)) {
    lua_settop(L, arg - 1);
    lua_newtable(L);
  }
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_settop(L, arg);
  const char *what = lua_pushfstring(L, "%s has no option", who);
  lab_lua_check_keys(L, arg, what, options, may_stream ? n : n - 1);
}

lab_question lab_question_check(lua_State *L, int arg, const char *who,
                                bool may_stream) {
  int table = arg + 1;
  size_t len;
  lab_question q = {.url = luaL_checklstring(L, arg, &len)};
  luaL_argcheck(L, len <= URL_MAX, arg, "URL is longer than 8 KiB");
  luaL_argcheck(L, strlen(q.url) == len, arg, "URL has a zero byte");
  check_request_options(L, table, who, may_stream);
  lua_getfield(L, table, "timeout");
  q.timeout = luaL_optnumber(L, -1, TIMEOUT);
  luaL_argcheck(L, q.timeout > 0 && q.timeout < 1e6, table, "bad timeout");
  lua_getfield(L, table, "method");
  q.method = luaL_optlstring(L, -1, "GET", &len);
  luaL_argcheck(L, len <= METHOD_MAX && lab_is_token(q.method, len), table,
                "bad method");
  lua_getfield(L, table, "stream");
  q.stream = lua_toboolean(L, -1);
  lua_getfield(L, table, "body");
  q.body = luaL_optlstring(L, -1, "", &q.body_len);
  luaL_argcheck(L, q.body_len <= BODY_MAX, table, "body is longer than 1 GiB");
  lua_getfield(L, table, "headers");
  q.headers = copy_headers(L, may_stream);
  return q;
}

int lab_question_fail(lua_State *L, const char *method, const char *url,
                      const char *message, int code) {
  luaL_pushfail(L);
  lua_pushfstring(L, "%s \"%s\": %s", method, url, message);
  lua_pushinteger(L, -code);
  return 3;
}

/* ---- the errand ---------------------------------------------------------- */

static void hear_of_fetch(lab_errand *e, int news) {
  (void)news;
  lab_ticket *k = e->user;
  k->told = true;
  lab_task_ready(e->vm->sched, &k->task->base);
}

static void free_fetch(lab_errand *e) {
  lab_fetch *f = LAB_CONTAINER(e, lab_fetch, errand);
  lab_buf_free(&f->body);
  lab_buf_free(&f->answer_headers);
  lab_buf_free(&f->answer);
  lab_counted_free(f, f->size);
}

static const char *put_fetch_text(char **at, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = memcpy(*at, text, size);
  *at += size;
  return copy;
}

/* Zeroed but for its texts, in one block. */
static lab_fetch *new_fetch(lua_State *L, const lab_question *q) {
  size_t size = sizeof(lab_fetch) + strlen(q->method) + strlen(q->url) +
                strlen(q->headers) + 3;
  lab_fetch *f = lab_lua_try_counted(L, size);
  if (!f)
    lab_lua_refuse_memory(L, "a request", size);
  char *at = (char *)(f + 1);
  *f = (lab_fetch){.size = size};
  f->method = put_fetch_text(&at, q->method);
  f->url = put_fetch_text(&at, q->url);
  f->headers = put_fetch_text(&at, q->headers);
  return f;
}

void lab_ticket_open(lua_State *L, lab_ticket *k, const lab_question *q) {
  const lab_services *services = lab_lua_check_services(L);
  lab_fetch *f = new_fetch(L, q);
  if (!lab_buf_try_append(&f->body, q->body, q->body_len) &&
      !(lab_gc_make_room(L) &&
        lab_buf_try_append(&f->body, q->body, q->body_len))) {
    free_fetch(&f->errand);
    lab_lua_refuse_memory(L, "a body", q->body_len);
  }
  lab_list_init(&k->owned.link);
  k->fetch = f;
  f->errand.start = services->fetch;
  f->errand.stop = services->stop_fetch;
  f->errand.told = hear_of_fetch;
  f->errand.freed = free_fetch;
  f->errand.user = k;
  f->timeout_ms = f->part_timeout_ms = (uint64_t)(q->timeout * 1000) + 1;
  f->in_parts = q->stream;
}

static int park_ticket(lua_State *L, lab_ticket *k, uint32_t stack,
                       lua_KFunction then) {
  lab_vm *vm = lab_vm_of(L);
  k->task = vm->running;
  k->told = false;
  lab_task_park(vm->sched, &k->task->base, LAB_WAIT_NET, stack);
  return lua_yieldk(L, 0, (lua_KContext)k, then);
}

int lab_ticket_send(lua_State *L, lab_ticket *k, void (*reclaim)(lab_owned *o),
                    lua_KFunction then) {
  lab_owned_add(lab_vm_of(L), &k->owned, NULL, reclaim);
  k->begun = true;
  lab_errand_begin(L, &k->fetch->errand);
  return park_ticket(L, k, k->fetch->errand.stack, then);
}

static void run_fetch_read(lab_order *o) {
  lab_fetch *f = LAB_CONTAINER(o, lab_fetch, read_order);
  lab_services_of(f->errand.vm)->read_fetch(f);
}

int lab_ticket_read(lua_State *L, lab_ticket *k, size_t wanted,
                    lua_KFunction then) {
  lab_fetch *f = k->fetch;
  uint32_t stack = lab_walk(L, 0);
  lab_buf_free(&f->answer);
  f->wanted = wanted;
  lab_order_send(f->errand.vm, &f->read_order, run_fetch_read);
  return park_ticket(L, k, stack, then);
}

bool lab_ticket_take(lua_State *L, lab_ticket *k) {
  k->task = NULL;
  return k->told && !lab_vm_of(L)->running->base.cancelled;
}

void lab_ticket_end(lab_ticket *k) {
  lab_fetch *f = k->fetch;
  if (!f)
    return;
  k->fetch = NULL;
  lab_owned_remove(&k->owned);
  if (k->begun)
    lab_errand_end(&f->errand);
  else
    free_fetch(&f->errand);
}

/* ---- the answer ---------------------------------------------------------- */

void lab_ticket_push_headers(lua_State *L, const lab_ticket *k) {
  const lab_buf *lines = &k->fetch->answer_headers;
  const char *at = lines->data, *end = at + lines->len;
  lua_newtable(L);
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *colon = memchr(at, ':', (size_t)(newline - at));
    lab_lua_add_header(
        L, &(lab_field){.name = at,
                        .name_len = (size_t)(colon - at),
                        .value = colon + 2,
                        .value_len = (size_t)(newline - colon - 2)});
    at = newline + 1;
  }
}

int lab_ticket_push_answer(lua_State *L, const lab_ticket *k) {
  const lab_fetch *f = k->fetch;
  if (f->error)
    return lab_question_fail(L, f->method, f->url, f->message, f->error);
  lua_createtable(L, 0, 3);
  int answer = lua_gettop(L);
  lua_pushinteger(L, f->status);
  lua_setfield(L, answer, "status");
  lua_pushlstring(L, f->answer.len ? f->answer.data : "", f->answer.len);
  lua_setfield(L, answer, "body");
  lab_ticket_push_headers(L, k);
  lua_setfield(L, answer, "headers");
  return 1;
}
