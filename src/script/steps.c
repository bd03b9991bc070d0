/* SPDX-License-Identifier: MIT
 * Steps: the queue of switches (one at a time), and the Lua files that make
 * one.
 *
 * The order of a switch is written in Lua (switchToStep): it parks, calls the
 * scenario's own functions, and may be cancelled, as any task.
 *
 * Threads: the VM's. */
#include "script/vm.h"

#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "mem/mem.h"
#include "script/told.h"
#include "stack/sources.h"

/* The Lua files, embedded by the build. */
extern const char lab_lua_main[], lab_lua_steps[], lab_lua_sandbox[];
extern const size_t lab_lua_main_len, lab_lua_steps_len, lab_lua_sandbox_len;

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
  lab_lua_task_cancel_all(vm, generation, false, UINT_MAX);
  if (generation != vm->step.generation)
    lab_lua_task_cancel_all(vm, generation, true, UINT_MAX);
}

static void switch_ended(lab_vm *vm, lab_lua_task *t, int status,
                         int nresults) {
  lab_exchange *x = vm->switching;
  size_t len = 0;
  const char *text;
  vm->switcher = NULL;
  lab_entering_over(vm);
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
  lab_task_urge(vm->sched, &vm->switcher->base, true);
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
  bool leaving =
      vm->switcher && atomic_load(&vm->switching->phase) == LAB_EXCHANGE_BEGUN;
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
  lab_host_open(L);
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
