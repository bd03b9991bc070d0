/* SPDX-License-Identifier: MIT
 * See host.h. */
#include "scenario/host.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"
#include "base/probe.h"
#include "mem/mem.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "resources/fds.h"
#include "resources/owned.h"
#include "scenario/entry_watch.h"
#include "scenario/host_files.h"
#include "scenario/release.h"
#include "scenario/request.h"
#include "scenario/request_facts.h"
#include "scenario/scenario.h"
#include "scenario/shown.h"
#include "scenario/switches.h"
#include "stack/frame.h"
#include "stack/sources.h"
#include "vm/allocation_stack.h"
#include "vm/anchors.h"
#include "vm/finalizers.h"
#include "vm/gc.h"
#include "vm/stack_cache.h"
#include "vm/traceback.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* ---- code ----------------------------------------------------------- */

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

/* ---- tasks and memory ---------------------------------------------- */

/* host.new_generation() -> the number of a new visit of a step. */
static int host_new_generation(lua_State *L) {
  uint32_t generation = lab_switches_new_generation(lab_vm_of(L));
  lab_finalizers_begin(L, generation);
  lua_pushinteger(L, generation);
  return 1;
}

/* host.give_up(): the step of the last new generation won't be entered. Its
 * servers get no more requests. */
static int host_give_up(lua_State *L) {
  lab_switches_give_up(lab_vm_of(L));
  return 0;
}

/* A to-be-closed value: which generation the running task goes back to. */
typedef struct visit {
  lab_lua_task *task;
  uint32_t before;
} visit;

static const char VISIT[] = "lab.visit";

static int end_visit(lua_State *L) {
  const visit *v = lua_touserdata(L, 1);
  if (v->task == lab_vm_of(L)->running) /* not when the state is closed */
    v->task->base.generation = v->before;
  return 0;
}

static int count_visit_results(lua_State *L, int status, lua_KContext below) {
  (void)status;
  return lua_gettop(L) - (int)below;
}

/* The first argument of most of these functions. */
static uint32_t check_generation(lua_State *L) {
  return (uint32_t)luaL_checkinteger(L, 1);
}

/* host.visit(generation, f, ...) -> f's results. Meanwhile the running task
 * belongs to GENERATION, and so does all that it starts and opens; afterwards,
 * also if f raises, to the one that it belonged to before. */
static int host_visit(lua_State *L) {
  lab_lua_task *me = lab_vm_of(L)->running;
  uint32_t generation = check_generation(L);
  visit *v = lua_newuserdatauv(L, sizeof *v, 0);
  *v = (visit){me, me->base.generation};
  if (luaL_newmetatable(L, VISIT)) {
    lua_pushcfunction(L, end_visit);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  lua_replace(L, 1);
  lua_toclose(L, 1);
  me->base.generation = generation;
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, count_visit_results);
  return count_visit_results(L, LUA_OK, 1);
}

/* host.mark(generation): what runs from now on is of GENERATION. Cumulative
 * profiles and counters begin at zero. */
static int host_mark(lua_State *L) {
  lab_stack_cache_forget(); /* its stacks may be given back */
  lab_metric_mark();
  lab_registry_mark(check_generation(L));
  return 0;
}

/* host.cancel_tasks(generation, most = all) -> how many were cancelled now, of
 * the tasks that serve no request */
static int host_cancel_tasks(lua_State *L) {
  uint32_t generation = check_generation(L);
  unsigned most = (unsigned)luaL_optinteger(L, 2, UINT_MAX);
  lua_pushinteger(L, lab_lua_task_cancel_all(lab_vm_of(L), generation, most));
  return 1;
}

/* host.begin_over(generation): from now on its tasks that serve no request end
 * before they run any further. */
static int host_begin_over(lua_State *L) {
  lab_over_add(lab_vm_of(L), check_generation(L));
  return 0;
}

/* host.end_over(generation) -> how many were cancelled because of that */
static int host_end_over(lua_State *L) {
  uint32_t generation = check_generation(L);
  size_t n = lab_over_remove(lab_vm_of(L), generation);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

/* host.begin_leaving(): requests or tasks of a visit that was left have some
 * time to end. host.end_leaving(): they have ended. */
static int host_begin_leaving(lua_State *L) {
  lab_vm_of(L)->leaving++;
  return 0;
}

static int host_end_leaving(lua_State *L) {
  lab_vm_of(L)->leaving--;
  return 0;
}

/* host.over_tasks() -> how many of those are about to end */
static int host_over_tasks(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lab_over_tasks(lab_vm_of(L)));
  return 1;
}

/* host.cancel_requests(generation) -> how many were cancelled now */
static int host_cancel_requests(lua_State *L) {
  uint32_t generation = check_generation(L);
  lua_pushinteger(L, lab_requests_cancel(lab_vm_of(L), generation));
  return 1;
}

/* host.requests(generation) -> how many are under way */
static int host_requests(lua_State *L) {
  uint32_t generation = check_generation(L);
  lua_pushinteger(L, lab_requests_count(lab_vm_of(L), generation));
  return 1;
}

/* How many functions the running task is in, without host.own itself. */
static uint8_t count_own_levels(lua_State *L) {
  uint8_t n = 0;
  lua_Debug ar;
  while (n < UINT8_MAX && lua_getstack(L, n + 1, &ar))
    n++;
  return n;
}

/* host.own(flag): true: from now on the switch does the lab's own work, which
 * doesn't have to wait behind many other tasks; false: the scenario's. */
static int host_own(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task_set_own(vm, vm->running, lua_toboolean(L, 1));
  if (!vm->running->own)
    vm->running->own_levels = count_own_levels(L);
  return 0;
}

/* host.go_own(urgent, lab.go, f, ...) -> a task that does the lab's own work,
 * even if the running one is cut short when lab.go returns. */
static int host_go_own(lua_State *L) {
  lab_vm_of(L)->spawns =
      lua_toboolean(L, 1) ? LAB_SPAWNS_URGENT : LAB_SPAWNS_HIDDEN;
  lua_call(L, lua_gettop(L) - 2, 1);
  return 1;
}

/* host.loading(flag): scenario.lua itself runs (allocation_stack.h). */
static int host_loading(lua_State *L) {
  if (lua_toboolean(L, 1))
    lab_allocation_begin_loading();
  else
    lab_allocation_end_loading();
  return 0;
}

/* host.explain(problem) -> the error's text for the log and the client. "not
 * enough memory" gets its place and the limit. That needs memory, so it is for
 * the lab's own work, which is refused none. */
static int host_explain(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  const char *problem = lua_tostring(L, 1);
  if (problem && strcmp(problem, LAB_LUA_NO_MEMORY) == 0) {
    char text[LAB_MEMORY_TEXT];
    lab_memory_error_text(vm, NULL, text, sizeof text);
    lua_pushstring(L, text);
  }
  return 1;
}

/* ---- what happens to the switch ------------------------------------------ */

/* host.reading(number, slug): its scenario.lua is run, while another step is
 * served: with a room of memory of its own. The log and /status name what keeps
 * the switch. */
static int host_reading(lua_State *L) {
  lab_switches_set_phase(lab_vm_of(L), LAB_SWITCH_BEGUN);
  lab_memory_suspend(lab_vm_of(L));
  lab_entry_watch_begin(lab_vm_of(L), (int)luaL_checkinteger(L, 1),
                        luaL_checkstring(L, 2), "scenario.lua");
  return 0;
}

/* host.leaving(): the step that was served is left now. */
static int host_leaving(lua_State *L) {
  lab_switches_set_phase(lab_vm_of(L), LAB_SWITCH_LEAVING);
  return 0;
}

/* host.entering(number, slug): `enter` runs now, and may take its time. */
static int host_entering(lua_State *L) {
  lab_entry_watch_begin(lab_vm_of(L), (int)luaL_checkinteger(L, 1),
                        luaL_checkstring(L, 2), "enter");
  lab_switches_set_phase(lab_vm_of(L), LAB_SWITCH_ENTERING);
  return 0;
}

/* ---- giving back ----------------------------------------------------------
 */

/* host.collect(): collects all garbage. The first collection finalizes
 * userdata, and queues the finalizers of tables; the second one frees the
 * userdata. Then idle memory goes back to the system: that isn't waited for. */
static int host_collect(lua_State *L) {
  lab_coroutine_compact(L);
  lab_anchors_compact(L);
  lab_gc_full(L);
  lab_gc_full(L);
  lab_release_begin(lab_vm_of(L));
  return 0;
}

/* host.collects_in_steps() -> whether host.collect would take a second or more.
 * host.collect_some() -> whether a cycle has ended; it takes 2 ms. */
static int host_collects_in_steps(lua_State *L) {
  lua_pushboolean(L, lab_gc_is_in_steps());
  return 1;
}

static int host_collect_some(lua_State *L) {
  lua_pushboolean(L, lab_gc_some(L));
  return 1;
}

/* host.release(): idle memory goes back to the system. */
static int host_release(lua_State *L) {
  lab_release_begin(lab_vm_of(L));
  return 0;
}

/* host.finalizers(generation) -> how many are due or under way */
static int host_finalizers(lua_State *L) {
  uint32_t generation = check_generation(L);
  size_t n = lab_finalizers_count(lab_vm_of(L), generation);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

/* host.end_finalizers(generation) -> whether there ever was one. Those that are
 * due never run, nor do later ones, and the one under way is cancelled. */
static int host_end_finalizers(lua_State *L) {
  uint32_t generation = check_generation(L);
  lua_pushboolean(L, lab_finalizers_end(lab_vm_of(L), generation));
  return 1;
}

/* host.reclaim(generation, step): takes back the files, sockets and the like
 * that GENERATION has left behind. Generation 0 is no step's, so it has none.
 */
static int host_reclaim(lua_State *L) {
  uint32_t generation = check_generation(L);
  int step = (int)luaL_checkinteger(L, 2);
  if (generation > 0)
    lab_owned_reclaim(lab_vm_of(L), generation, step);
  return 0;
}

/* host.limit(bytes, fds, left): how much application memory and how many
 * descriptors the step may have; 0: no limit besides the lab's own. LEFT bytes
 * of earlier steps are in use and don't count. */
static int host_limit(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_Integer bytes = luaL_checkinteger(L, 1), left = luaL_checkinteger(L, 3);
  lab_memory_set_limit(vm, bytes > 0 ? (size_t)bytes : 0,
                       left > 0 ? (size_t)left : 0);
  lab_fd_set_limit(vm, (unsigned)luaL_checkinteger(L, 2));
  return 0;
}

/* host.left(bytes): so many bytes of earlier steps are in use now. */
static int host_left(lua_State *L) {
  lua_Integer left = luaL_checkinteger(L, 1);
  lab_memory_set_left(lab_vm_of(L), left > 0 ? (size_t)left : 0);
  return 0;
}

/* host.memory() -> application bytes in use. */
static int host_memory(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lab_mem_app_bytes());
  return 1;
}

/* host.cancelled(): whether the running task is to end. */
static int host_cancelled(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lua_pushboolean(L, vm->running && vm->running->base.cancelled);
  return 1;
}

/* Pushes "file:line: " of the innermost Lua function, or "". */
static void push_place(lua_State *L) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "l", &ar);
    if (ar.currentline > 0) {
      luaL_where(L, level);
      return;
    }
  }
  lua_pushliteral(L, "");
}

/* An error that is a table or the like says nothing: where it was raised does.
 */
static int host_traceback(lua_State *L) {
  if (lua_isstring(L, 1) || luaL_getmetafield(L, 1, "__tostring")) {
    luaL_tolstring(L, 1, NULL);
  } else {
    push_place(L);
    lua_pushfstring(L, "the error is a %s, not a message", luaL_typename(L, 1));
    lua_concat(L, 2);
  }
  lab_lua_push_traceback(L, L, -1, 1);
  return 1;
}

/* host.task() -> the running task's number, a handle of it, and whether it can
 * wait at this point */
static int host_task(lua_State *L) {
  const lab_lua_task *me = lab_vm_of(L)->running;
  if (!me || me->co != L)
    return luaL_error(L, "no task runs");
  lua_pushinteger(L, (lua_Integer)me->base.id);
  lab_task_handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  h->id = me->base.id;
  lua_pushthread(L);
  lua_setiuservalue(L, -2, 1);
  lua_pushboolean(L, lab_lua_may_make_way(L));
  return 3;
}

/* host.runs(handle): whether that task hasn't ended */
static int host_runs(lua_State *L) {
  lua_pushboolean(L, lab_lua_task_of_handle(L, 1) != NULL);
  return 1;
}

/* host.exchange(t, key, old, new): makes t[key] NEW if it is OLD, and says
 * whether. No other task comes in between. */
static int host_exchange(lua_State *L) {
  lua_settop(L, 4);
  lua_pushvalue(L, 2);
  lua_rawget(L, 1);
  bool is_old = lua_rawequal(L, 3, 5);
  lua_pop(L, 1);
  if (is_old) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 4);
    lua_rawset(L, 1);
  }
  lua_pushboolean(L, is_old);
  return 1;
}

/* ---- serving ------------------------------------------------------- */

/* host.serve(scenario, number, slug, generation, is_other): requests go to that
 * step from now on; is_other: as in lab_shown_step. */
static int host_serve(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lab_step *step = &vm->scenario->step;
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
  step->generation = vm->generation = generation;
  snprintf(step->slug, sizeof step->slug, "%s", slug);
  step->label = lab_label_intern(generation, step->slug, "/");
  lab_shown_set_step(vm, L, 1, lua_toboolean(L, 5));
  if (generation)
    LAB_PROBE2(step__enter, number, step->slug);
  return 0;
}

static const luaL_Reg host[] = {
    {"compile", host_compile},
    {"new_generation", host_new_generation},
    {"give_up", host_give_up},
    {"visit", host_visit},
    {"mark", host_mark},
    {"cancel_tasks", host_cancel_tasks},
    {"begin_over", host_begin_over},
    {"end_over", host_end_over},
    {"over_tasks", host_over_tasks},
    {"begin_leaving", host_begin_leaving},
    {"end_leaving", host_end_leaving},
    {"cancel_requests", host_cancel_requests},
    {"requests", host_requests},
    {"own", host_own},
    {"go_own", host_go_own},
    {"loading", host_loading},
    {"entering", host_entering},
    {"reading", host_reading},
    {"leaving", host_leaving},
    {"collect", host_collect},
    {"collects_in_steps", host_collects_in_steps},
    {"collect_some", host_collect_some},
    {"release", host_release},
    {"finalizers", host_finalizers},
    {"end_finalizers", host_end_finalizers},
    {"reclaim", host_reclaim},
    {"left", host_left},
    {"limit", host_limit},
    {"memory", host_memory},
    {"cancelled", host_cancelled},
    {"traceback", host_traceback},
    {"task", host_task},
    {"runs", host_runs},
    {"exchange", host_exchange},
    {"explain", host_explain},
    {"serve", host_serve},
    {NULL, NULL},
};

void lab_host_push(lua_State *L, lua_CFunction opener) {
  const lab_scenario *s = lab_vm_of(L)->scenario;
  luaL_newlib(L, host);
  luaL_setfuncs(L, lab_host_files, 0);
  luaL_setfuncs(L, lab_host_request_facts, 0);
  lua_pushcfunction(L, opener);
  lua_setfield(L, -2, "opener");
  lab_host_push_strings(L, (const char *const *)s->dirs, s->ndirs);
  lua_setfield(L, -2, "dirs");
  lab_host_push_strings(L, (const char *const *)s->params, s->nparams);
  lua_setfield(L, -2, "params");
  lab_func_c((const void *)host_visit, "host.visit", true);
  lab_walk_register(L, "host", false);
}
