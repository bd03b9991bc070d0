/* SPDX-License-Identifier: MIT
 * See sync.h.
 *
 * A lock is a userdata. Tasks that wait for one have it on their stack, as the
 * first argument, so it can't be collected meanwhile; by that it is also found
 * when they give up (vm/task.c). Its user value is its name.
 *
 * Where a call may have a time limit it has results only if it was given one,
 * be it nil: most calls have none, and needn't pay for it. */
#include "lualib/sync.h"

#include <lauxlib.h>

#include "lualib/class.h"
#include "lualib/limit.h"
#include "task/lock.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char MUTEX[] = "lab.Mutex", RWMUTEX[] = "lab.RWMutex",
                  WAIT_GROUP[] = "lab.WaitGroup";
static const void *mutex_class, *rwmutex_class, *wait_group_class;

/* What a continuation of these calls is told. */
enum { LIMITED = 1, WRITES = 2 };

static lab_sched *get_lock_sched(lua_State *L) {
  return lab_vm_of(L)->sched;
}

/* true, if that is asked for: FLAGS. */
static int push_lock_success(lua_State *L, lua_KContext flags) {
  if (!(flags & LIMITED))
    return 0;
  lua_pushboolean(L, 1);
  return 1;
}

/* The wait is over, and what was granted to one who was cancelled afterwards
 * was given back. */
static int push_outcome(lua_State *L, lua_KContext flags) {
  lab_lua_check_cancelled(L);
  return lab_vm_of(L)->running->base.expired ? lab_lua_push_timeout(L)
                                             : push_lock_success(L, flags);
}

/* The task that runs was parked. */
static int wait_limited(lua_State *L, uint64_t limit, lua_KContext flags,
                        lua_KFunction finish) {
  lab_lua_limit_wait(L, limit);
  return lua_yieldk(L, 0, flags, finish);
}

static lua_Integer count_waiting(const lab_list *queue) {
  lua_Integer n = 0;
  for (const lab_list *l = queue->next; l != queue; l = l->next)
    n++;
  return n;
}

/* ---- mutex --------------------------------------------------------------- */

static lab_mutex *check_mutex(lua_State *L) {
  return lab_lua_check_object(L, 1, mutex_class, MUTEX);
}

static int new_mutex(lua_State *L) {
  lab_mutex_init(lab_lua_new_named(L, 1, sizeof(lab_mutex), 1));
  luaL_setmetatable(L, MUTEX);
  return 1;
}

static int mutex_locked(lua_State *L, int status, lua_KContext flags) {
  (void)status;
  const lab_task *me = &lab_vm_of(L)->running->base;
  if (me->cancelled && me->granted)
    lab_mutex_unlock(get_lock_sched(L), check_mutex(L), lab_walk(L, 0));
  return push_outcome(L, flags);
}

/* The lock is another's. */
static int wait_for_mutex(lua_State *L, lab_mutex *m, uint64_t limit,
                          lua_KContext flags) {
  if (limit == 0)
    return lab_lua_push_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "lock");
  lab_mutex_wait(get_lock_sched(L), m, &me->base, lab_walk(L, 0));
  return wait_limited(L, limit, flags, mutex_locked);
}

static int lock_mutex_limited(lua_State *L, lab_mutex *m) {
  uint64_t limit = lab_lua_check_limit(L, 2);
  return lab_mutex_try_lock(get_lock_sched(L), m)
             ? push_lock_success(L, LIMITED)
             : wait_for_mutex(L, m, limit, LIMITED);
}

static int mutex_lock(lua_State *L) {
  lab_mutex *m = check_mutex(L);
  if (lab_lua_has_arg(L, 2, mutex_class))
    return lock_mutex_limited(L, m);
  return lab_mutex_try_lock(get_lock_sched(L), m)
             ? 0
             : wait_for_mutex(L, m, LAB_LUA_NO_LIMIT, 0);
}

static int mutex_try_lock(lua_State *L) {
  lua_pushboolean(L, lab_mutex_try_lock(get_lock_sched(L), check_mutex(L)));
  return 1;
}

static int mutex_unlock(lua_State *L) {
  lab_mutex *m = check_mutex(L);
  uint32_t stack = lab_mutex_is_charged(m) ? lab_walk(L, 0) : 0;
  if (lab_mutex_unlock(get_lock_sched(L), m, stack))
    return luaL_error(L, "sync: unlock of unlocked mutex");
  return 0;
}

static int mutex_tostring(lua_State *L) {
  lab_mutex *m = check_mutex(L);
  lab_lua_push_title(L, "Mutex");
  lua_pushfstring(L, "%s (%s, %I waiting)", lua_tostring(L, -1),
                  m->locked ? "locked" : "unlocked",
                  (LUAI_UACINT)count_waiting(&m->waiters));
  return 1;
}

static const luaL_Reg mutex_methods[] = {
    {"lock", mutex_lock},
    {"try_lock", mutex_try_lock},
    {"unlock", mutex_unlock},
    {NULL, NULL},
};

static const luaL_Reg mutex_metamethods[] = {
    {"__tostring", mutex_tostring},
    {NULL, NULL},
};

/* ---- rwmutex ------------------------------------------------------------- */

/* Without room for holders it is new, or was finalized and kept by a script's
 * finalizer. */
static lab_rwmutex *check_rwmutex(lua_State *L) {
  lab_rwmutex *m = lab_lua_check_object(L, 1, rwmutex_class, RWMUTEX);
  if (m->room == 0)
    lab_lua_finalize_again(L, 1, RWMUTEX);
  return m;
}

static int new_rwmutex(lua_State *L) {
  lab_rwmutex_init(lab_lua_new_named(L, 1, sizeof(lab_rwmutex), 1));
  luaL_setmetatable(L, RWMUTEX);
  return 1;
}

static int rwmutex_locked(lua_State *L, int status, lua_KContext flags) {
  (void)status;
  const lab_task *me = &lab_vm_of(L)->running->base;
  if (me->cancelled && me->granted)
    lab_rwmutex_unlock(get_lock_sched(L), check_rwmutex(L), flags & WRITES,
                       lab_walk(L, 0));
  return push_outcome(L, flags);
}

/* The lock at 1, which has room for one more who has it. */
static lab_rwmutex *check_rwmutex_room(lua_State *L) {
  char limit[LAB_MEMORY_LIMIT_TEXT];
  lab_rwmutex *m = check_rwmutex(L);
  if (!lab_rwmutex_reserve(m) &&
      !(lab_gc_make_room(L) && lab_rwmutex_reserve(m))) {
    lab_memory_limit_text(lab_vm_of(L), limit, sizeof limit);
    luaL_error(L, LAB_LUA_NO_MEMORY " for one more who has a lock: %s", limit);
  }
  return m;
}

static int rwmutex_take(lua_State *L, bool write) {
  lab_rwmutex *m = check_rwmutex_room(L);
  int flags = lab_lua_has_arg(L, 2, rwmutex_class) ? LIMITED : 0;
  uint64_t limit = flags ? lab_lua_check_limit(L, 2) : LAB_LUA_NO_LIMIT;
  if (lab_rwmutex_try_lock(get_lock_sched(L), m, write))
    return push_lock_success(L, flags);
  if (limit == 0)
    return lab_lua_push_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "lock");
  lab_rwmutex_wait(get_lock_sched(L), m, &me->base, write, lab_walk(L, 0));
  flags |= write ? WRITES : 0;
  return wait_limited(L, limit, flags, rwmutex_locked);
}

static int rwmutex_give(lua_State *L, bool write) {
  lab_rwmutex *m = check_rwmutex(L);
  uint32_t stack = lab_rwmutex_is_charged(m) ? lab_walk(L, 0) : 0;
  if (lab_rwmutex_unlock(get_lock_sched(L), m, write, stack))
    return luaL_error(L, "sync: %s of unlocked RWMutex",
                      write ? "Unlock" : "RUnlock");
  return 0;
}

static int rwmutex_lock(lua_State *L) {
  return rwmutex_take(L, true);
}

static int rwmutex_rlock(lua_State *L) {
  return rwmutex_take(L, false);
}

static int rwmutex_try_lock(lua_State *L) {
  lua_pushboolean(
      L, lab_rwmutex_try_lock(get_lock_sched(L), check_rwmutex_room(L), true));
  return 1;
}

static int rwmutex_try_rlock(lua_State *L) {
  lua_pushboolean(
      L, lab_rwmutex_try_lock(get_lock_sched(L), check_rwmutex_room(L), false));
  return 1;
}

static int rwmutex_unlock(lua_State *L) {
  return rwmutex_give(L, true);
}

static int rwmutex_runlock(lua_State *L) {
  return rwmutex_give(L, false);
}

static int rwmutex_gc(lua_State *L) {
  lab_rwmutex_free(luaL_checkudata(L, 1, RWMUTEX));
  return 0;
}

static int rwmutex_tostring(lua_State *L) {
  lab_rwmutex *m = check_rwmutex(L);
  lab_lua_push_title(L, "RWMutex");
  lua_pushfstring(
      L, "%s (%I reading, %s, %I waiting)", lua_tostring(L, -1),
      (LUAI_UACINT)m->reading, m->writing ? "locked" : "unlocked",
      (LUAI_UACINT)(count_waiting(&m->readers) + count_waiting(&m->writers)));
  return 1;
}

static const luaL_Reg rwmutex_methods[] = {
    {"lock", rwmutex_lock},
    {"unlock", rwmutex_unlock},
    {"try_lock", rwmutex_try_lock},
    {"rlock", rwmutex_rlock},
    {"runlock", rwmutex_runlock},
    {"try_rlock", rwmutex_try_rlock},
    {NULL, NULL},
};

static const luaL_Reg rwmutex_metamethods[] = {
    {"__gc", rwmutex_gc},
    {"__tostring", rwmutex_tostring},
    {NULL, NULL},
};

/* ---- wait group ---------------------------------------------------------- */

static lab_wait_group *check_wait_group(lua_State *L) {
  return lab_lua_check_object(L, 1, wait_group_class, WAIT_GROUP);
}

static int new_wait_group(lua_State *L) {
  lab_wait_group_init(lab_lua_new_named(L, 1, sizeof(lab_wait_group), 1));
  luaL_setmetatable(L, WAIT_GROUP);
  return 1;
}

static int change_count(lua_State *L, lua_Integer delta) {
  if (lab_wait_group_add(get_lock_sched(L), check_wait_group(L), delta))
    return luaL_error(L, delta < 0 ? "sync: negative WaitGroup counter"
                                   : "sync: WaitGroup counter overflow");
  return 0;
}

static int wait_group_add(lua_State *L) {
  return change_count(L, luaL_optinteger(L, 2, 1));
}

static int wait_group_done(lua_State *L) {
  return change_count(L, -1);
}

static int finish_wait_group(lua_State *L, int status, lua_KContext flags) {
  (void)status;
  return push_outcome(L, flags);
}

static int wait_group_wait(lua_State *L) {
  lab_wait_group *g = check_wait_group(L);
  int flags = lab_lua_has_arg(L, 2, wait_group_class) ? LIMITED : 0;
  uint64_t limit = flags ? lab_lua_check_limit(L, 2) : LAB_LUA_NO_LIMIT;
  if (g->count == 0)
    return push_lock_success(L, flags);
  if (limit == 0)
    return lab_lua_push_timeout(L);
  lab_lua_task *me = lab_lua_check_parkable(L, "wait");
  lab_wait_group_wait(get_lock_sched(L), g, &me->base, lab_walk(L, 0));
  return wait_limited(L, limit, flags, finish_wait_group);
}

static int wait_group_tostring(lua_State *L) {
  lab_wait_group *g = check_wait_group(L);
  lab_lua_push_title(L, "WaitGroup");
  lua_pushfstring(L, "%s (%I, %I waiting)", lua_tostring(L, -1),
                  (LUAI_UACINT)g->count,
                  (LUAI_UACINT)count_waiting(&g->waiters));
  return 1;
}

static const luaL_Reg wait_group_methods[] = {
    {"add", wait_group_add},
    {"done", wait_group_done},
    {"wait", wait_group_wait},
    {NULL, NULL},
};

static const luaL_Reg wait_group_metamethods[] = {
    {"__tostring", wait_group_tostring},
    {NULL, NULL},
};

/* ---- the library --------------------------------------------------------- */

static const luaL_Reg functions[] = {
    {"mutex", new_mutex},
    {"rwmutex", new_rwmutex},
    {"wait_group", new_wait_group},
    {NULL, NULL},
};

void lab_lib_sync(lua_State *L) {
  mutex_class = lab_lua_new_class(L, MUTEX, mutex_methods, mutex_metamethods);
  rwmutex_class =
      lab_lua_new_class(L, RWMUTEX, rwmutex_methods, rwmutex_metamethods);
  wait_group_class = lab_lua_new_class(L, WAIT_GROUP, wait_group_methods,
                                       wait_group_metamethods);
  luaL_setfuncs(L, functions, 0);
}
