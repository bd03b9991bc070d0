/* SPDX-License-Identifier: MIT
 * See label.h.
 *
 * The end of the function may be an error, or come long after, because the task
 * parked in between. So a mark, a to-be-closed value below the function's
 * stack, does the undoing: Lua closes it when the call returns and when an
 * error passes, and an error's traceback stays whole. An error that ends the
 * task closes nothing. That does no harm: the task's labels end with it. */
#include "lualib/label.h"

#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "prof/label.h"
#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char MARK[] = "lab.mark";
enum { LABEL_MAX = 128 }; /* bytes of a key or value: they are kept for ever */

typedef struct mark {
  lab_lua_task *task;
  void (*undo)(lua_State *L, const struct mark *m);
  uint32_t label;     /* label: the one before */
  uint64_t user_task; /* task: the one before */
  const char *name;   /* region: a string below on the stack */
} mark;

static int close_mark(lua_State *L) {
  mark *m = luaL_checkudata(L, 1, MARK);
  if (m->task == lab_vm_of(L)->running) /* not when the state is closed */
    m->undo(L, m);
  return 0;
}

/* Pushes a mark for the running task. Where no task runs it pushes nothing and
 * returns NULL. */
static mark *push_mark(lua_State *L, void (*undo)(lua_State *, const mark *)) {
  lab_lua_task *me = lab_vm_of(L)->running;
  if (!me)
    return NULL;
  mark *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  m->task = me;
  m->undo = undo;
  luaL_setmetatable(L, MARK);
  return m;
}

static int count_results(lua_State *L, int status, lua_KContext below) {
  (void)status;
  return lua_gettop(L) - (int)below;
}

/* Calls the function at FUNC, which is above the mark M, with all values above
 * it as arguments. */
static int call_marked(lua_State *L, int func, const mark *m) {
  int nargs = lua_gettop(L) - func - (m != NULL);
  if (m) {
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

static void set_label(lua_State *L, uint32_t label) {
  lab_vm *vm = lab_vm_of(L);
  lab_task_relabel(vm->sched, &vm->running->base, label);
  lab_sampler_set_label(label);
}

static void undo_label(lua_State *L, const mark *m) {
  set_label(L, m->label);
}

/* lab.label(key, value, fn, ...) -> fn's results */
static int label_label(lua_State *L) {
  enum { KEY = 1, VALUE, FUNC };
  const char *key = check_word(L, KEY), *value = check_word(L, VALUE);
  luaL_argcheck(L, *key, KEY, "a label needs a key");
  luaL_checktype(L, FUNC, LUA_TFUNCTION);
  mark *m = push_mark(L, undo_label);
  if (m) {
    m->label = m->task->base.label;
    set_label(L, lab_label_with(m->label, key, value));
  }
  return call_marked(L, FUNC, m);
}

/* ---- regions and user tasks ---------------------------------------------- */

static uint32_t walk_for_trace(lua_State *L) {
  return lab_sched_is_traced(lab_vm_of(L)->sched) ? lab_walk(L, 0) : 0;
}

static void undo_region(lua_State *L, const mark *m) {
  lab_sched_region(lab_vm_of(L)->sched, &m->task->base, m->name, false,
                   walk_for_trace(L));
}

/* lab.region(name, fn, ...) -> fn's results */
static int label_region(lua_State *L) {
  enum { NAME = 1, FUNC };
  const char *name = luaL_checkstring(L, NAME);
  luaL_checktype(L, FUNC, LUA_TFUNCTION);
  mark *m = push_mark(L, undo_region);
  if (m) {
    m->name = name;
    lab_sched_region(lab_vm_of(L)->sched, &m->task->base, name, true,
                     walk_for_trace(L));
  }
  return call_marked(L, FUNC, m);
}

static void undo_task(lua_State *L, const mark *m) {
  lab_task *task = &m->task->base;
  lab_sched_end_user_task(lab_vm_of(L)->sched, task, task->user_task,
                          walk_for_trace(L));
  task->user_task = m->user_task;
}

/* lab.task(name, fn, ...) -> fn's results */
static int label_task(lua_State *L) {
  enum { NAME = 1, FUNC };
  const char *name = luaL_checkstring(L, NAME);
  luaL_checktype(L, FUNC, LUA_TFUNCTION);
  mark *m = push_mark(L, undo_task);
  if (m) {
    lab_task *task = &m->task->base;
    m->user_task = task->user_task;
    task->user_task = lab_sched_begin_user_task(lab_vm_of(L)->sched, task, name,
                                                walk_for_trace(L));
  }
  return call_marked(L, FUNC, m);
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
