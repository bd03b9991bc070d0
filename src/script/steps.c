/* SPDX-License-Identifier: MIT
 * Steps: what lua/main.lua and its companions need from C to find, load, enter
 * and leave scenarios.
 *
 * The order of a switch is written in Lua (switchToStep): it parks, calls the
 * scenario's own functions, and may be cancelled, as any task. Here are the
 * queue of switches (one at a time) and the `host` functions it is built on.
 *
 * Threads: the VM's. */
#include "script/vm.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/probe.h"
#include "mem/mem.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "stack/sources.h"

/* The Lua files, embedded by the build. */
extern const char lab_lua_main[], lab_lua_steps[], lab_lua_sandbox[];
extern const size_t lab_lua_main_len, lab_lua_steps_len, lab_lua_sandbox_len;

/* ---- host: files --------------------------------------------------------- */

static int host_failure(lua_State *L, const char *path) {
  return luaL_fileresult(L, 0, path);
}

/* host.scan(dir) -> { name, ... } | nil, message */
static int host_scan(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  DIR *dir = opendir(path);
  if (!dir)
    return host_failure(L, path);
  lab_buf names = LAB_BUF_INIT; /* no Lua call while DIR is open */
  for (struct dirent *e; (e = readdir(dir));)
    lab_buf_append(&names, e->d_name, strlen(e->d_name) + 1);
  closedir(dir);
  /* A string on Lua's stack owns the bytes before anything can raise... but
   * pushing it may raise itself: then NAMES, a few hundred bytes, is lost. */
  lua_pushlstring(L, names.data, names.len);
  lab_buf_free(&names);
  size_t len;
  const char *all = lua_tolstring(L, -1, &len);
  lua_newtable(L);
  lua_Integer n = 0;
  for (size_t i = 0; i < len; i += strlen(all + i) + 1) {
    lua_pushstring(L, all + i);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* host.read(path) -> text | nil, message */
static int host_read(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat st;
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
    errno = EISDIR;
    return host_failure(L, path);
  }
  FILE *f = fopen(path, "re");
  if (!f)
    return host_failure(L, path);
  lab_buf text = LAB_BUF_INIT;
  size_t n;
  while ((n = fread(lab_buf_reserve(&text, 4096), 1, 4096, f)) > 0)
    text.len += n;
  fclose(f);
  lua_pushlstring(L, text.data ? text.data : "", text.len);
  lab_buf_free(&text);
  return 1;
}

/* host.realpath(path) -> path | nil, message */
static int host_realpath(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  char full[PATH_MAX];
  if (!realpath(path, full))
    return host_failure(L, path);
  lua_pushstring(L, full);
  return 1;
}

/* host.compile(text, path, prefix, env) -> function | nil, message
 * Text only; its functions get their names for profiles. */
static int host_compile(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  const char *path = luaL_checkstring(L, 2);
  const char *prefix = luaL_checkstring(L, 3);
  const char *chunk = lua_pushfstring(L, "@%s", path);
  lab_sources_register(chunk, prefix, path, text, len);
  if (luaL_loadbufferx(L, text, len, chunk, "t") != LUA_OK) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (!lua_isnoneornil(L, 4)) {
    lua_pushvalue(L, 4);
    lua_setupvalue(L, -2, 1);
  }
  return 1;
}

/* ---- host: tasks and memory ---------------------------------------------- */

/* host.generation(): a new one, which the running task belongs to from now on
 * (and so all that it starts). */
static int host_generation(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  vm->running->base.generation = ++vm->last_generation;
  lua_pushinteger(L, vm->last_generation);
  return 1;
}

/* host.join_generation(g): the running task belongs to G from now on. */
static int host_join_generation(lua_State *L) {
  lab_vm_of(L)->running->base.generation = (uint32_t)luaL_checkinteger(L, 1);
  return 0;
}

/* host.mark(generation): it is what runs from now on; cumulative profiles begin
 * anew. */
static int host_mark(lua_State *L) {
  lab_registry_mark((uint32_t)luaL_checkinteger(L, 1));
  return 0;
}

/* host.cancel(generation, requests) -> how many tasks were told */
static int host_cancel(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_pushinteger(L,
                  lab_lua_task_cancel_all(vm, (uint32_t)luaL_checkinteger(L, 1),
                                          lua_toboolean(L, 2)));
  return 1;
}

/* host.requests(generation) -> how many are under way */
static int host_requests(lua_State *L) {
  lua_pushinteger(L, lab_lua_task_requests(lab_vm_of(L),
                                           (uint32_t)luaL_checkinteger(L, 1)));
  return 1;
}

/* host.own(flag): what the running task does from now on is the lab's own work
 * (or, false, the scenario's). */
static int host_own(lua_State *L) {
  lab_vm_of(L)->running->own = lua_toboolean(L, 1);
  return 0;
}

/* host.loading(flag): scenario.lua itself runs. The functions and small tables
 * that it consists of are not what a student looks for: an idle step's heap
 * profile is empty, always and not only in most samples. What goes beyond is
 * shown. */
static int host_loading(lua_State *L) {
  enum { A_SCENARIO = 16 << 10 };
  lab_vm *vm = lab_vm_of(L);
  vm->heap_floor = lua_toboolean(L, 1) ? lab_mem_app_bytes() + A_SCENARIO : 0;
  return 0;
}

/* host.entering(): the step before is left; from now on the switch may take its
 * time. */
static int host_entering(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  if (vm->running == vm->switcher)
    atomic_store(&vm->switching->phase, LAB_EXCHANGE_ENTERING);
  return 0;
}

/* host.collect(): everything that nobody needs any more goes. The first time
 * finalizers run; what they were about goes the second time. */
static int host_collect(lua_State *L) {
  lab_lua_task_compact(L);
  lab_gc_full(L);
  lab_gc_full(L);
  return 0;
}

/* host.reclaim(generation, step): files, sockets and the like that it left.
 * Generation 0 is no step's, so it has none. */
static int host_reclaim(lua_State *L) {
  uint32_t generation = (uint32_t)luaL_checkinteger(L, 1);
  int step = (int)luaL_checkinteger(L, 2);
  if (generation > 0)
    lab_owned_reclaim(lab_vm_of(L), generation, step);
  return 0;
}

/* What no scenario may exceed: half of the machine's memory. */
static size_t machine_limit(void) {
  return (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
}

/* host.limit(bytes, fds): application memory and descriptors that the step may
 * have; 0 = no tighter than the lab's own caps. */
static int host_limit(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_Integer bytes = luaL_checkinteger(L, 1);
  size_t cap = machine_limit();
  vm->limit = bytes > 0 && (size_t)bytes < cap ? (size_t)bytes : cap;
  lab_mem_set_limit(vm->limit);
  vm->fd_limit = (unsigned)luaL_checkinteger(L, 2);
  atomic_store(&vm->memory_limit, vm->limit);
  atomic_store(&vm->shown_fd_limit, vm->fd_limit);
  return 0;
}

/* host.cancelled(): whether the running task is to end. */
static int host_cancelled(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_pushboolean(L, vm->running && vm->running->base.cancelled);
  return 1;
}

static int host_traceback(lua_State *L) {
  const char *message = luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, message, 1);
  return 1;
}

/* ---- host: serving ------------------------------------------------------- */

/* host.serve(scenario, number, slug, generation): requests go there from now
 * on. */
static int host_serve(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lab_step *step = &vm->step;
  int number = (int)luaL_checkinteger(L, 2);
  const char *slug = luaL_checkstring(L, 3);
  uint32_t generation = (uint32_t)luaL_checkinteger(L, 4);
  if (step->generation) /* 0: no step, between two */
    LAB_PROBE2(step__leave, step->number, step->slug);
  lua_pushvalue(L, 1);
  int table = luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_unref(L, LUA_REGISTRYINDEX, step->table);
  step->table = table;
  step->number = number;
  step->generation = generation;
  snprintf(step->slug, sizeof step->slug, "%s", slug);
  step->label = lab_label_intern(step->slug, "/");
  lab_vm_show_step(vm, L, 1);
  if (generation)
    LAB_PROBE2(step__enter, number, step->slug);
  return 0;
}

static const luaL_Reg host[] = {
    {"scan", host_scan},
    {"read", host_read},
    {"realpath", host_realpath},
    {"compile", host_compile},
    {"generation", host_generation},
    {"join_generation", host_join_generation},
    {"mark", host_mark},
    {"cancel", host_cancel},
    {"requests", host_requests},
    {"own", host_own},
    {"loading", host_loading},
    {"entering", host_entering},
    {"collect", host_collect},
    {"reclaim", host_reclaim},
    {"limit", host_limit},
    {"cancelled", host_cancelled},
    {"traceback", host_traceback},
    {"serve", host_serve},
    {"opener", lab_file_opener},
    {NULL, NULL},
};

/* ---- the queue of switches ----------------------------------------------- */

static void begin_next(lab_vm *vm);

/* A later switch had no more patience. What this one had started goes. */
static void pushed_aside(lab_vm *vm, const lab_lua_task *t, lab_exchange *x) {
  static const char text[] = "a later switch took its place";
  lab_log("switch to step %d: %s", x->step, text);
  lab_exchange_text(x, 503, text, sizeof text - 1);
  uint32_t generation = t->base.generation;
  if (generation == 0)
    return;
  lab_lua_task_cancel_all(vm, generation, false);
  if (generation != vm->step.generation)
    lab_lua_task_cancel_all(vm, generation, true);
}

static void switch_ended(lab_vm *vm, lab_lua_task *t, int status,
                         int nresults) {
  lab_exchange *x = vm->switching;
  size_t len = 0;
  const char *text;
  vm->switcher = NULL;
  lab_mem_set_limit(vm->limit);
  if (status == LUA_OK) {
    text = lua_tolstring(t->co, -1, &len);
    int code = (int)lua_tointeger(t->co, -2);
    lab_exchange_text(x, nresults == 2 ? code : 500, text ? text : "", len);
  } else if (t->base.cancelled) {
    pushed_aside(vm, t, x);
  } else {
    text = lua_tolstring(t->co, -1, &len);
    lab_log("switch to step %d failed: %s", x->step, text ? text : "?");
    lab_exchange_text(x, 500, text ? text : "?", len);
  }
  lab_vm_answer(vm, x);
  begin_next(vm);
}

/* Pushes what may raise: run protected with the exchange as argument. */
static int start_switch(lua_State *L) {
  lab_exchange *x = lua_touserdata(L, 1);
  lab_vm *vm = x->vm;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->switch_to);
  lua_pushinteger(L, x->step);
  lua_pushlstring(L, x->query, x->query_len);
  vm->switcher = lab_lua_task_spawn(vm, L, 2, 0, switch_ended);
  vm->switcher->own = true;
  return 0;
}

static lab_exchange *take_first(lab_vm *vm) {
  lab_mpsc_node *node = vm->gotos;
  if (!node)
    return NULL;
  vm->gotos = node->next;
  return LAB_CONTAINER(LAB_CONTAINER(node, lab_post, node), lab_exchange, post);
}

static void begin_next(lab_vm *vm) {
  lab_exchange *x;
  while (!vm->switcher && (x = take_first(vm))) {
    int queued = LAB_EXCHANGE_QUEUED;
    if (!atomic_compare_exchange_strong(&x->phase, &queued,
                                        LAB_EXCHANGE_BEGUN)) {
      x->status = 0; /* withdrawn: goes back without an answer */
      lab_vm_answer(vm, x);
      continue;
    }
    vm->switching = x;
    lab_mem_set_limit(0); /* a full step must not keep us from leaving it */
    lua_pushcfunction(vm->L, start_switch);
    lua_pushlightuserdata(vm->L, x);
    if (lua_pcall(vm->L, 1, 0, 0) != LUA_OK) {
      lua_pop(vm->L, 1);
      lab_exchange_text(x, 500, "not enough memory", 17);
      lab_vm_answer(vm, x);
    }
  }
}

void lab_steps_goto(lab_vm *vm, lab_exchange *x) {
  lab_mpsc_node **last = &vm->gotos;
  while (*last)
    last = &(*last)->next;
  x->post.node.next = NULL;
  *last = &x->post.node;
  begin_next(vm);
}

static void drop(lab_vm *vm, lab_exchange *x) {
  static const char text[] = "the lab is stopping";
  if (atomic_load(&x->phase) == LAB_EXCHANGE_WITHDRAWN)
    x->status = 0;
  else
    lab_exchange_text(x, 503, text, sizeof text - 1);
  lab_vm_answer(vm, x);
}

void lab_steps_drop_all(lab_vm *vm) {
  if (vm->switcher)
    drop(vm, vm->switching);
  vm->switcher = NULL;
  for (lab_exchange *x; (x = take_first(vm));)
    drop(vm, x);
}

void lab_steps_hurry(lab_vm *vm) {
  bool leaving = vm->switcher &&
                 atomic_load(&vm->switching->phase) != LAB_EXCHANGE_ENTERING;
  if (vm->gotos && vm->switcher && vm->switcher != vm->running)
    lab_lua_task_cancel(vm, vm->switcher);
  if (vm->gotos || leaving)
    lab_lua_task_cancel_ready(vm);
}

/* ---- opening ------------------------------------------------------------- */

/* Calls an embedded file with the N arguments on top of the stack; leaves its
 * one result. Its functions appear as "main.<name>". */
static void run_embedded(lua_State *L, const char *name, const char *text,
                         size_t len, int nargs) {
  lab_vm *vm = lab_vm_of(L);
  char path[PATH_MAX];
  if (vm->lua_dir)
    snprintf(path, sizeof path, "%s/%s.lua", vm->lua_dir, name);
  else
    snprintf(path, sizeof path, "diaglab/%s.lua", name);
  lua_pushfstring(L, "@%s", path);
  lab_sources_register(lua_tostring(L, -1), "main", path, text, len);
  if (luaL_loadbufferx(L, text, len, lua_tostring(L, -1), "t") != LUA_OK)
    lua_error(L);
  lua_remove(L, -2);
  lua_insert(L, -(nargs + 1));
  lua_call(L, nargs, 1);
}

static void push_strings(lua_State *L, char **list) {
  lua_newtable(L);
  for (int i = 0; list[i]; i++) {
    lua_pushstring(L, list[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

static int take_ref(lua_State *L, int app, const char *field) {
  lua_getfield(L, app, field);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* sandbox.lua(lab, host) -> make_environment
 * steps.lua(host, make_environment) -> steps
 * main.lua(lab, host, steps) -> app */
void lab_steps_open(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_newtable(L);
  vm->anchors = luaL_ref(L, LUA_REGISTRYINDEX);
  int lab = lua_gettop(L);
  luaL_newlib(L, host);
  push_strings(L, vm->scenario_dirs);
  lua_setfield(L, -2, "dirs");
  push_strings(L, vm->params);
  lua_setfield(L, -2, "params");
  int h = lua_gettop(L);

  lua_pushvalue(L, lab);
  lua_pushvalue(L, h);
  run_embedded(L, "sandbox", lab_lua_sandbox, lab_lua_sandbox_len, 2);
  lua_pushvalue(L, h);
  lua_insert(L, -2);
  run_embedded(L, "steps", lab_lua_steps, lab_lua_steps_len, 2);
  lua_pushvalue(L, lab);
  lua_pushvalue(L, h);
  lua_rotate(L, -3, 2);
  run_embedded(L, "main", lab_lua_main, lab_lua_main_len, 3);

  int app = lua_gettop(L);
  vm->step.table = LUA_NOREF;
  vm->switch_to = take_ref(L, app, "switchToStep");
  vm->handler = take_ref(L, app, "helloWorldHandler");
  vm->router = take_ref(L, app, "routeHandler");
  vm->request_meta = take_ref(L, app, "requestMeta");
  lua_getfield(L, app, "start");
  lua_call(L, 0, 0);
}
