/* SPDX-License-Identifier: MIT
 * See sync.h.
 *
 * A lock is a userdata. Tasks that wait for one have it on their stack, so it
 * can't be collected meanwhile. Its user value is its name, for tostring. */
#include "lualib/sync.h"

#include <lauxlib.h>

#include "lualib/class.h"
#include "task/lock.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char MUTEX[] = "lab.Mutex", RWMUTEX[] = "lab.RWMutex",
                  WAIT_GROUP[] = "lab.WaitGroup";

/* The task that runs, or NULL. */
static const lab_task *get_lock_user(lua_State *L) {
  const lab_lua_task *me = lab_vm_of(L)->running;
  return me ? &me->base : NULL;
}

static lab_sched *get_lock_sched(lua_State *L) {
  return lab_vm_of(L)->sched;
}

/* A userdata of SIZE bytes, with the optional name at 1 as its user value. */
static void *new_lock(lua_State *L, size_t size) {
  luaL_optstring(L, 1, NULL);
  lua_settop(L, 1);
  void *lock = lua_newuserdatauv(L, size, 1);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 1);
  return lock;
}

static void push_title(lua_State *L, const char *class) {
  if (lua_getiuservalue(L, 1, 1) == LUA_TSTRING)
    lua_pushfstring(L, "%s \"%s\"", class, lua_tostring(L, -1));
  else
    lua_pushstring(L, class);
}

static lua_Integer count_waiting(const lab_list *queue) {
  lua_Integer n = 0;
  for (const lab_list *l = queue->next; l != queue; l = l->next)
    n++;
  return n;
}

/* ---- mutex --------------------------------------------------------------- */

static lab_mutex *check_mutex(lua_State *L) {
  return luaL_checkudata(L, 1, MUTEX);
}

static int new_mutex(lua_State *L) {
  lab_mutex_init(new_lock(L, sizeof(lab_mutex)));
  luaL_setmetatable(L, MUTEX);
  return 1;
}

static int mutex_locked(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  const lab_task *me = &lab_vm_of(L)->running->base;
  if (me->cancelled)
    lab_mutex_abandon(get_lock_sched(L), check_mutex(L), me,
                      me->granted ? lab_walk(L, 0) : 0);
  lab_lua_check_cancelled(L);
  return 0;
}

static int mutex_lock(lua_State *L) {
  lab_mutex *m = check_mutex(L);
  if (lab_mutex_try_lock(m))
    return 0;
  lab_lua_task *me = lab_lua_check_parkable(L, "lock");
  lab_mutex_wait(get_lock_sched(L), m, &me->base, lab_walk(L, 0));
  return lua_yieldk(L, 0, 0, mutex_locked);
}

static int mutex_try_lock(lua_State *L) {
  lua_pushboolean(L, lab_mutex_try_lock(check_mutex(L)));
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
  push_title(L, "Mutex");
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
  lab_rwmutex *m = luaL_checkudata(L, 1, RWMUTEX);
  if (m->room == 0)
    lab_lua_finalize_again(L, 1, RWMUTEX);
  return m;
}

static int new_rwmutex(lua_State *L) {
  lab_rwmutex_init(new_lock(L, sizeof(lab_rwmutex)));
  luaL_setmetatable(L, RWMUTEX);
  return 1;
}

static int rwmutex_locked(lua_State *L, int status, lua_KContext write) {
  (void)status;
  const lab_task *me = &lab_vm_of(L)->running->base;
  if (me->cancelled)
    lab_rwmutex_abandon(get_lock_sched(L), check_rwmutex(L), me, write != 0,
                        me->granted ? lab_walk(L, 0) : 0);
  lab_lua_check_cancelled(L);
  return 0;
}

static int rwmutex_take(lua_State *L, bool write) {
  lab_rwmutex *m = check_rwmutex(L);
  if (lab_rwmutex_try_lock(m, write, get_lock_user(L)))
    return 0;
  lab_lua_task *me = lab_lua_check_parkable(L, "lock");
  lab_rwmutex_wait(get_lock_sched(L), m, &me->base, write, lab_walk(L, 0));
  return lua_yieldk(L, 0, write, rwmutex_locked);
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
      L, lab_rwmutex_try_lock(check_rwmutex(L), true, get_lock_user(L)));
  return 1;
}

static int rwmutex_try_rlock(lua_State *L) {
  lua_pushboolean(
      L, lab_rwmutex_try_lock(check_rwmutex(L), false, get_lock_user(L)));
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
  push_title(L, "RWMutex");
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
  return luaL_checkudata(L, 1, WAIT_GROUP);
}

static int new_wait_group(lua_State *L) {
  lab_wait_group_init(lua_newuserdatauv(L, sizeof(lab_wait_group), 0));
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

static int finish_wait_group(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  lab_lua_check_cancelled(L);
  return 0;
}

static int wait_group_wait(lua_State *L) {
  lab_wait_group *g = check_wait_group(L);
  if (g->count == 0)
    return 0;
  lab_lua_task *me = lab_lua_check_parkable(L, "wait");
  lab_wait_group_wait(get_lock_sched(L), g, &me->base, lab_walk(L, 0));
  return lua_yieldk(L, 0, 0, finish_wait_group);
}

static int wait_group_tostring(lua_State *L) {
  lab_wait_group *g = check_wait_group(L);
  lua_pushfstring(L, "WaitGroup (%I, %I waiting)", (LUAI_UACINT)g->count,
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
  lab_lua_new_class(L, MUTEX, mutex_methods, mutex_metamethods);
  lab_lua_new_class(L, RWMUTEX, rwmutex_methods, rwmutex_metamethods);
  lab_lua_new_class(L, WAIT_GROUP, wait_group_methods, wait_group_metamethods);
  luaL_setfuncs(L, functions, 0);
}
