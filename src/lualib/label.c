/* SPDX-License-Identifier: MIT
 * See label.h.
 *
 * The end of the function may be an error, or come long after, because the task
 * parked in between. So a mark, a to-be-closed value below the function's
 * stack, leaves the scope (vm/scope.h): Lua closes it when the call returns and
 * when an error passes, and an error's traceback stays whole. An error that
 * ends the task closes nothing: then the VM leaves the scope. */
#include "lualib/label.h"

#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "prof/label.h"
#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char MARK[] = "lab.mark";
enum { LABEL_MAX = 128 }; /* bytes of a key or value: each new one is kept */

typedef struct mark {
  lab_lua_task *task;
  uint32_t scope;
} mark;

static int close_mark(lua_State *L) {
  const mark *m = luaL_checkudata(L, 1, MARK);
  lab_vm *vm = lab_vm_of(L);
  if (m->task == vm->running) /* not when the state is closed */
    lab_scope_leave(vm, m->task, m->scope);
  return 0;
}

/* Pushes a mark for the running task, which has no scope yet. Where no task
 * runs it pushes nothing and returns NULL. */
static mark *push_mark(lua_State *L) {
  lab_lua_task *me = lab_vm_of(L)->running;
  if (!me)
    return NULL;
  mark *m = lua_newuserdatauv(L, sizeof *m, 0);
  *m = (mark){.task = me};
  luaL_setmetatable(L, MARK);
  return m;
}

static int count_results(lua_State *L, int status, lua_KContext below) {
  (void)status;
  return lua_gettop(L) - (int)below;
}

/* Calls the function at FUNC with all values above it as arguments, but for the
 * mark M on top, which leaves SCOPE afterwards. */
static int call_in_scope(lua_State *L, int func, mark *m, lab_scope scope) {
  int nargs = lua_gettop(L) - func - (m != NULL);
  if (m) {
    m->scope = lab_scope_enter(lab_vm_of(L), m->task, &scope);
    lua_insert(L, func);
    lua_toclose(L, func++);
  }
  lua_callk(L, nargs, LUA_MULTRET, func - 1, count_results);
  return count_results(L, LUA_OK, func - 1);
}

/* ---- labels -------------------------------------------------------------- */

static const char *check_word(lua_State *L, int arg) {
  size_t len;
  const char *word = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(word) == len && len <= LABEL_MAX, arg,
                "a label has at most 128 bytes, and no zeros");
  return word;
}

static void set_label(lab_vm *vm, lab_lua_task *t, uint32_t label) {
  lab_task_relabel(vm->sched, &t->base, label);
  lab_sampler_set_label(label);
}

static void leave_label(lab_vm *vm, lab_lua_task *t, const lab_scope *s) {
  set_label(vm, t, (uint32_t)s->number);
}

/* A profile without the label would look like one of a program that doesn't set
 * it. */
static int refuse_label(lua_State *L, int arg, const char *key) {
  return luaL_argerror(
      L, arg,
      lua_pushfstring(L,
                      "no room for the label '%s': a task has at most %d "
                      "labels at a time, with step and route",
                      key, LAB_LABEL_KEYS));
}

/* lab.label(key, value, fn, ...) -> fn's results */
static int label_label(lua_State *L) {
  enum { KEY = 1, VALUE, FUNC };
  lab_scope scope = {.leave = leave_label};
  const char *key = check_word(L, KEY), *value = check_word(L, VALUE);
  luaL_argcheck(L, *key, KEY, "a label needs a key");
  /* In profile.proto the empty text is that of a label without one. */
  luaL_argcheck(L, *value, VALUE, "a label needs a value");
  luaL_argcheck(L, !lab_label_is_own(key), KEY,
                "the labels step, route, state and bytes are the lab's own");
  luaL_checktype(L, FUNC, LUA_TFUNCTION);
  mark *m = push_mark(L);
  if (m) {
    const lab_task *task = &m->task->base;
    uint32_t with = lab_label_with(task->generation, task->label, key, value);
    if (with == LAB_LABEL_FULL)
      return refuse_label(L, KEY, key);
    scope.number = task->label;
    set_label(lab_vm_of(L), m->task, with);
  }
  return call_in_scope(L, FUNC, m, scope);
}

/* ---- regions and user tasks ---------------------------------------------- */

/* Where T, whose stack is CO's, is now; 0 if nobody wants to know. */
static uint32_t walk_for_trace(lab_vm *vm, lua_State *co) {
  return lab_sched_is_traced(vm->sched) ? lab_walk(co, 0) : 0;
}

static void leave_region(lab_vm *vm, lab_lua_task *t, const lab_scope *s) {
  lab_sched_region(vm->sched, &t->base, s->text, false,
                   walk_for_trace(vm, t->co));
}

/* lab.region(name, fn, ...) -> fn's results */
static int label_region(lua_State *L) {
  enum { NAME = 1, FUNC };
  lab_vm *vm = lab_vm_of(L);
  lab_scope scope = {.leave = leave_region,
                     .text = lab_lua_check_name(L, NAME),
                     .kind = LAB_SCOPE_REGION};
  luaL_checktype(L, FUNC, LUA_TFUNCTION);
  mark *m = push_mark(L);
  if (m)
    lab_sched_region(vm->sched, &m->task->base, scope.text, true,
                     walk_for_trace(vm, L));
  return call_in_scope(L, FUNC, m, scope);
}

static void leave_task(lab_vm *vm, lab_lua_task *t, const lab_scope *s) {
  uint64_t ended = t->base.user_task;
  t->base.user_task = s->number;
  lab_sched_end_user_task(vm->sched, &t->base, ended, s->text,
                          walk_for_trace(vm, t->co));
}

/* lab.task(name, fn, ...) -> fn's results */
static int label_task(lua_State *L) {
  enum { NAME = 1, FUNC };
  lab_vm *vm = lab_vm_of(L);
  lab_scope scope = {.leave = leave_task,
                     .text = lab_lua_check_name(L, NAME),
                     .kind = LAB_SCOPE_TASK};
  luaL_checktype(L, FUNC, LUA_TFUNCTION);
  mark *m = push_mark(L);
  if (m) {
    lab_task *task = &m->task->base;
    scope.number = task->user_task;
    task->user_task = lab_sched_begin_user_task(vm->sched, task, scope.text,
                                                walk_for_trace(vm, L));
  }
  return call_in_scope(L, FUNC, m, scope);
}

static const luaL_Reg functions[] = {
    {"label", label_label},
    {"region", label_region},
    {"task", label_task},
    {NULL, NULL},
};

static const luaL_Reg mark_metamethods[] = {
    {"__close", close_mark},
    {NULL, NULL},
};

void lab_lib_label(lua_State *L) {
  lab_lua_new_class(L, MARK, NULL, mark_metamethods);
  luaL_setfuncs(L, functions, 0);
}
