/* SPDX-License-Identifier: MIT
 * See request.h. This is the hot path. */
#include "scenario/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/probe.h"
#include "base/token.h"
#include "prof/label.h"
#include "scenario/request_name.h"
#include "scenario/scenario.h"
#include "stack/stack.h"
#include "vm/anchors.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

enum { ANSWER_MAX = 64 << 20, SMALL_ANSWER = 4096, HEADERS_MAX = 64 << 10 };
#define PROCESSED "Request processed in "

/* ---- the request as a table ---------------------------------------------- */

/* The upvalues of start_request: what each request needs. Lua would have to
 * look up the strings, again and again. */
enum {
  KEY_METHOD = 1,
  KEY_PATH,
  KEY_RAW_QUERY,
  KEY_BODY,
  KEY_ID,
  TEXT_GET,
  TEXT_ROOT,
  TEXT_NONE,
  META,
  HANDLER,
  ROUTER
};

static bool is_root(const lab_request *x) {
  return x->path_len == 1 && x->path[0] == '/';
}

static bool is_get(const lab_request *x) {
  return x->method_len == 3 && memcmp(x->method, "GET", 3) == 0;
}

/* Sets the field whose name is the upvalue KEY, of the table on top of the
 * stack, to S; or to the upvalue KNOWN, if that is not 0. */
static void set_text_field(lua_State *L, int key, int known, const char *s,
                           size_t n) {
  lua_pushvalue(L, lua_upvalueindex(key));
  if (known)
    lua_pushvalue(L, lua_upvalueindex(known));
  else
    lua_pushlstring(L, s, n);
  lua_rawset(L, -3);
}

/* The request as the scenario sees it; `query` is parsed when it is asked
 * for (lua/main.lua). */
static void push_request(lua_State *L, const lab_request *x) {
  lua_createtable(L, 0, 5);
  set_text_field(L, KEY_METHOD, is_get(x) ? TEXT_GET : 0, x->method,
                 x->method_len);
  set_text_field(L, KEY_PATH, is_root(x) ? TEXT_ROOT : 0, x->path, x->path_len);
  set_text_field(L, KEY_RAW_QUERY, x->query_len ? 0 : TEXT_NONE, x->query,
                 x->query_len);
  set_text_field(L, KEY_BODY, x->body_len ? 0 : TEXT_NONE, x->body,
                 x->body_len);
  lua_pushvalue(L, lua_upvalueindex(KEY_ID));
  lua_pushinteger(L, (lua_Integer)x->id);
  lua_rawset(L, -3);
  lua_pushvalue(L, lua_upvalueindex(META));
  lua_setmetatable(L, -2);
}

/* ---- the answer ---------------------------------------------------------- */

static void set_text(lab_request *x, int status, const char *text, size_t len) {
  static const char plain[] = "text/plain; charset=utf-8";
  x->status = status;
  memcpy(x->content_type, plain, sizeof plain);
  lab_buf_clear(&x->reply);
  lab_buf_clear(&x->headers);
  lab_buf_append(&x->reply, text, len);
}

/* Headers that only the server itself writes. */
static bool is_reserved(const char *name) {
  static const char *const names[] = {"Content-Length", "Transfer-Encoding",
                                      "Connection", "Date", NULL};
  for (size_t i = 0; names[i]; i++)
    if (strcasecmp(name, names[i]) == 0)
      return true;
  return false;
}

/* Until it has been sent, an answer is memory of the step that gave it. */
static void refuse_answer(lua_State *co, size_t len) {
  char limit[LAB_MEMORY_LIMIT_TEXT];
  lab_memory_limit_text(lab_vm_of(co), limit, sizeof limit);
  luaL_error(co, LAB_LUA_NO_MEMORY " for an answer of %I bytes: %s",
             (LUAI_UACINT)len, limit);
}

/* Raises if the step may not have so much. */
static void append_or_refuse(lua_State *co, lab_buf *to, const char *bytes,
                             size_t len) {
  if (!lab_buf_try_append(to, bytes, len) &&
      !(lab_gc_make_room(co) && lab_buf_try_append(to, bytes, len)))
    refuse_answer(co, to->len + len);
}

/* One pair of the headers table. What is too long isn't looked through. */
static void add_header(lab_request *x, lua_State *co) {
  size_t nname, nvalue;
  if (lua_type(co, -2) != LUA_TSTRING || !lua_isstring(co, -1))
    luaL_error(co, "request returned a header that is no string");
  const char *name = lua_tolstring(co, -2, &nname);
  lua_pushvalue(co, -1); /* tolstring would change a number in the table */
  const char *value = lua_tolstring(co, -1, &nvalue);
  if (nname > HEADERS_MAX || nvalue > HEADERS_MAX ||
      x->headers.len + nname + nvalue > HEADERS_MAX)
    luaL_error(co, "an answer may have %d KiB of headers", HEADERS_MAX >> 10);
  bool is_type = strcasecmp(name, "Content-Type") == 0;
  if (!lab_is_token(name, nname))
    luaL_error(co, "request returned a header with the invalid name '%s'",
               name);
  if (!lab_is_field_value(value, nvalue))
    luaL_error(co, "the value of the header '%s' has control characters", name);
  if (is_type && nvalue >= sizeof x->content_type)
    luaL_error(co, "the Content-Type may have %d bytes",
               (int)sizeof x->content_type - 1);
  if (is_type)
    memcpy(x->content_type, value, nvalue + 1);
  else if (!is_reserved(name)) {
    append_or_refuse(co, &x->headers, name, nname);
    append_or_refuse(co, &x->headers, ": ", 2);
    append_or_refuse(co, &x->headers, value, nvalue);
    append_or_refuse(co, &x->headers, "\r\n", 2);
  }
  lua_pop(co, 1);
}

static int check_status(lua_State *co, int index) {
  int good = 1;
  lua_Integer status =
      lua_isnil(co, index) ? 200 : lua_tointegerx(co, index, &good);
  if (!good || status < 200 || status > 599)
    luaL_error(co, "request returned a status that is no number from 200 to "
                   "599");
  return (int)status;
}

/* The arguments are the request, then what the handler returned: body, status,
 * headers. Protected, since it may raise. */
static int take_answer(lua_State *co) {
  enum { REQUEST = 1, BODY, STATUS, HEADERS };
  lab_request *x = lua_touserdata(co, REQUEST);
  size_t len = 0;
  lua_settop(co, HEADERS);
  int status = check_status(co, STATUS);
  const char *body = lua_tolstring(co, BODY, &len);
  if (!body && !lua_isnil(co, BODY))
    luaL_error(co, "request returned a %s as body instead of a string",
               luaL_typename(co, BODY));
  if (len > ANSWER_MAX)
    luaL_error(co, "an answer may have %d MiB", ANSWER_MAX >> 20);
  bool is_small = len <= SMALL_ANSWER; /* its memory serves again */
  set_text(x, status, body ? body : "", is_small ? len : 0);
  if (!is_small)
    append_or_refuse(co, &x->reply, body, len);
  if (lua_isnil(co, HEADERS))
    return 0;
  if (!lua_istable(co, HEADERS))
    luaL_error(co, "request returned a %s as headers instead of a table",
               luaL_typename(co, HEADERS));
  lua_pushnil(co);
  while (lua_next(co, HEADERS)) {
    add_header(x, co);
    lua_pop(co, 1);
  }
  return 0;
}

/* Takes the answer that most handlers give, a short text and nothing else, for
 * which nothing can go wrong. False: it is another one. */
static bool take_short_text(lab_request *x, lua_State *co, int nresults) {
  size_t len;
  for (int i = 1; i < nresults; i++)
    if (!lua_isnil(co, -i))
      return false;
  if (nresults == 0 || lua_type(co, -nresults) != LUA_TSTRING)
    return false;
  const char *text = lua_tolstring(co, -nresults, &len);
  if (len > SMALL_ANSWER)
    return false;
  set_text(x, 200, text, len);
  lua_pop(co, nresults);
  return true;
}

/* The length of an error's message without its traceback. */
static size_t measure_message(const char *text) {
  const char *end = strstr(text, "\nstack traceback:");
  return end ? (size_t)(end - text) : strlen(text);
}

/* The client gets the id, by which one finds the rest in the log: files, lines
 * and paths are nobody's business outside. */
static void tell_failure(lab_request *x, const char *text) {
  char said[64];
  int n = snprintf(said, sizeof said, "internal server error (request id %llu)",
                   (unsigned long long)x->id);
  lab_log_step("request id %llu: request %.*s failed: %s",
               (unsigned long long)x->id, (int)x->path_len, x->path, text);
  set_text(x, 500, said, (size_t)n);
}

static void take_error(lab_request *x, lab_lua_task *t) {
  char memory[LAB_MEMORY_TEXT];
  const char *text = lua_tostring(t->co, -1);
  if (text && strcmp(text, LAB_LUA_NO_MEMORY) == 0) { /* in take_answer */
    lab_memory_error_text(x->call.vm, NULL, memory, sizeof memory);
    text = memory;
  }
  if (!text)
    text = "error without a message";
  if (t->base.cancelled) {
    set_text(x, 503, text, measure_message(text));
  } else {
    tell_failure(x, text);
  }
  lab_buf_putc(&x->reply, '\n');
}

static void finish_request(lab_vm *vm, lab_lua_task *t, int status,
                           int nresults) {
  lab_request *x = t->user;
  lab_list_remove(&x->link);
  bool is_short = status == LUA_OK && take_short_text(x, t->co, nresults);
  if (status == LUA_OK && !is_short) {
    lua_pushcfunction(t->co, take_answer);
    lua_insert(t->co, -(nresults + 1));
    lua_pushlightuserdata(t->co, x);
    lua_insert(t->co, -(nresults + 1));
    status = lua_pcall(t->co, nresults + 1, 0, 0);
  }
  if (status != LUA_OK)
    take_error(x, t);
  /* T has just ended: this time may be known. */
  uint64_t now = is_short && lab_sched_is_close(vm->sched)
                     ? t->base.since
                     : lab_sched_now(vm->sched);
  uint64_t took = now - x->call.started;
  LAB_PROBE3(request__done, t->base.id, x->status, took);
  char line[sizeof PROCESSED + LAB_DURATION_MAX] = PROCESSED;
  size_t len = sizeof PROCESSED - 1;
  len += lab_clock_format(line + len, took);
  lab_log_request(line, len);
  lab_call_answer_at(&x->call, now);
}

/* ---- the beginning ------------------------------------------------------- */

static uint32_t find_label(lab_vm *vm, const lab_request *x) {
  if (is_root(x))
    return vm->scenario->step.label;
  char route[LAB_ROUTE_LEN];
  snprintf(route, sizeof route, "%.*s", (int)x->path_len, x->path);
  return lab_label_intern(vm->scenario->step.generation,
                          vm->scenario->step.slug, route);
}

/* Mostly it is the same. */
static size_t write_name(const lab_lua_task *t, char *out, size_t size) {
  static const char usual[] = "GET /";
  const lab_request *x = t->user;
  if (!is_root(x) || !is_get(x) || size < sizeof usual)
    return lab_request_write_name(x, out, size);
  memcpy(out, usual, sizeof usual);
  return sizeof usual - 1;
}

static const lab_lua_task_kind request_kind = {
    .ended = finish_request, .serves = true, .name = write_name};

/* The function for X, and its first argument, if it is not only the request.
 * Returns how many arguments there will be. */
static int push_handler(lab_vm *vm, lua_State *L, const lab_request *x) {
  if (x->serve) {
    lab_anchor_push(L, x->serve->object);
    lua_getiuservalue(L, -1, LAB_SERVE_FUNCTION);
    lua_remove(L, -2);
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(is_root(x) ? HANDLER : ROUTER));
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->scenario->step.table);
  return 2;
}

/* A scenario's own server serves from when it is made, perhaps by scenario.lua
 * itself, until its step is left. */
static bool is_stale(const lab_vm *vm, const lab_request *x) {
  const lab_serve *s = x->serve;
  if (!s)
    return false;
  return !s->object || (s->generation != vm->scenario->step.generation &&
                        s->generation != vm->scenario->switches.new_generation);
}

/* Where T will begin, on top of its stack: its function and its arguments. */
static uint32_t find_entry_stack(const lab_lua_task *t, uint32_t *func) {
  int line;
  uint32_t function = lab_walk_function(t->co, -((int)t->nargs + 1), &line);
  if (func)
    *func = function;
  lab_frame frame = lab_frame_script(function, line);
  return lab_stack_intern(&frame, 1);
}

/* What T, which is new, will run, if that is known without a search. */
static void note_function(lab_vm *vm, lab_lua_task *t, const lab_request *x) {
  lab_requests *all = &vm->scenario->requests;
  unsigned which = is_root(x);
  if (x->serve)
    return; /* any: whoever watches asks for it */
  if (all->entries[which] == 0)
    all->entries[which] = find_entry_stack(t, &all->functions[which]);
  t->trace.entry = all->functions[which] & LAB_TRACE_ENTRY_MAX;
}

/* T, which is new, has been waiting for the VM since X was sent. */
static void note_queueing(lab_vm *vm, lab_lua_task *t, const lab_request *x) {
  t->base.since = x->sent;
  if (!x->serve)
    t->base.stack = vm->scenario->requests.entries[is_root(x)];
}

/* Everything that may raise (memory), protected: takes a task and leaves
 * function and arguments on its stack. */
static int start_request(lua_State *L) {
  lab_request *x = lua_touserdata(L, 1);
  lab_vm *vm = x->call.vm;
  int nargs = push_handler(vm, L, x);
  push_request(L, x);
  lab_lua_task *t = lab_coroutine_take_idle(L);
  lua_xmove(L, t->co, nargs + 1);
  t->user = x;
  x->task = t;
  lab_list_push_back(&vm->scenario->requests.all, &x->link);
  t->kind = &request_kind;
  t->nargs = (unsigned)nargs;
  t->base.generation =
      x->serve ? x->serve->generation : vm->scenario->step.generation;
  t->base.label = x->serve ? x->serve->errand.label : find_label(vm, x);
  t->base.user_task = lab_sched_new_user_task(vm->sched);
  note_function(vm, t, x);
  lab_task_init(vm->sched, &t->base, x->call.started);
  LAB_PROBE2(request__start, t->base.id, vm->scenario->step.number);
  lab_request_tell_wait(x, t->base.user_task);
  lab_task_ready(vm->sched, &t->base);
  note_queueing(vm, t, x);
  return 0;
}

static void push_start_function(lua_State *L, int app) {
  static const char *const texts[] = {"method", "path", "raw_query", "body",
                                      "id",     "GET",  "/",         ""};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    lua_pushstring(L, texts[i]);
  lua_getfield(L, app, "requestMeta");
  lua_getfield(L, app, "helloWorldHandler");
  lua_getfield(L, app, "routeHandler");
  lua_pushcclosure(L, start_request, ROUTER);
}

void lab_requests_open(lua_State *L, int app) {
  push_start_function(L, app);
  lab_vm_of(L)->scenario->requests.starter = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* There is not even enough memory to begin with X. */
static void refuse_for_memory(lab_vm *vm, lab_request *x) {
  char limit[LAB_MEMORY_LIMIT_TEXT], text[LAB_MEMORY_TEXT];
  lab_memory_limit_text(vm, limit, sizeof limit);
  snprintf(text, sizeof text, "not enough memory to begin: %s", limit);
  tell_failure(x, text);
  lab_buf_putc(&x->reply, '\n');
  lab_call_answer(&x->call);
}

/* There is one writer only, so this needs no atomic addition. */
static void count_one(atomic_size_t *counter) {
  size_t n = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

static void deliver_request(lab_post *post) {
  lab_request *x = LAB_CONTAINER(lab_call_of(post), lab_request, call);
  lab_vm *vm = x->call.vm;
  x->call.started = lab_sched_now(vm->sched);
  count_one(&vm->scenario->requests.delivered);
  if (is_stale(vm, x)) {
    set_text(x, 503, "the step was left\n", 18);
    lab_call_answer(&x->call);
    return;
  }
  x->step = vm->scenario->step.number;
  x->entered = vm->scenario->step.entered;
  x->id = ++vm->scenario->requests.last_id;
  lab_log_request("Starting processing request...", 30);
  lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->scenario->requests.starter);
  lua_pushlightuserdata(vm->L, x);
  if (lua_pcall(vm->L, 1, 0, 0) == LUA_OK)
    return;
  lua_pop(vm->L, 1);
  refuse_for_memory(vm, x);
}

void lab_request_send(lab_vm *vm, lab_request *x, uint64_t now) {
  lab_call_prepare(vm, &x->call, deliver_request);
  x->step = lab_shown_number(vm);
  x->entered = 0; /* nobody has served it */
  x->sent = now;
  count_one(&vm->scenario->requests.posted);
  lab_sched_post_quietly(vm->sched, &x->call.post);
}

size_t lab_requests_queued(lab_vm *vm) {
  lab_requests *r = &vm->scenario->requests;
  size_t delivered = atomic_load(&r->delivered);
  return atomic_load(&r->posted) - delivered;
}

/* ---- all of them --------------------------------------------------------- */

static lab_request *get_request(lab_list *link) {
  return LAB_CONTAINER(link, lab_request, link);
}

unsigned lab_requests_cancel(lab_vm *vm, uint32_t generation) {
  unsigned n = 0;
  lab_list *all = &vm->scenario->requests.all;
  for (lab_list *l = all->next; l != all; l = l->next)
    n += lab_lua_task_cancel_of(vm, get_request(l)->task, generation);
  return n;
}

void lab_requests_cancel_ready(lab_vm *vm) {
  lab_list *all = &vm->scenario->requests.all;
  for (lab_list *l = all->next; l != all; l = l->next) {
    lab_lua_task *t = get_request(l)->task;
    if (t->base.state == LAB_TASK_RUNNABLE && !t->base.cancelled)
      lab_lua_task_cancel(vm, t);
  }
}

unsigned lab_requests_count(lab_vm *vm, uint32_t generation) {
  unsigned n = 0;
  lab_list *all = &vm->scenario->requests.all;
  for (lab_list *l = all->next; l != all; l = l->next)
    n += get_request(l)->task->base.generation == generation;
  return n;
}

/* In most cases it is the running task's own. */
const lab_request *lab_requests_find(const lab_vm *vm, uint64_t id) {
  const lab_lua_task *running = vm->running;
  const lab_list *all = &vm->scenario->requests.all;
  if (running && running->kind == &request_kind) {
    const lab_request *own = running->user;
    if (own->id == id)
      return own;
  }
  for (lab_list *l = all->next; l != all; l = l->next)
    if (get_request(l)->id == id)
      return get_request(l);
  return NULL;
}

void lab_requests_drop_all(lab_vm *vm) {
  lab_list *all = &vm->scenario->requests.all;
  while (!lab_list_empty(all)) {
    lab_request *x = get_request(all->next);
    lab_list_remove(&x->link);
    set_text(x, 503, "the lab is stopping\n", 20);
    lab_call_answer(&x->call);
  }
}
