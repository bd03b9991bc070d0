/* SPDX-License-Identifier: MIT
 * See awaited.h. As in leak_profile.c: what a task is parked on is the first
 * argument of its innermost function; the channels of a select are in every
 * second slot from the third on (lualib/channel.c). */
#include "inspect/awaited.h"

#include "base/buf.h"
#include "prof/goroutine_awaited.h"
#include "task/pool.h"

enum { SELECT_SHOWN = 4 };

/* Appends the name of the userdata at AT, if it has one. */
static bool append_awaited_name(lua_State *co, int at, lab_buf *out) {
  size_t len = 0;
  const char *name = NULL;
  if (lua_type(co, at) != LUA_TUSERDATA)
    return false;
  if (lua_getiuservalue(co, at, 1) == LUA_TSTRING)
    name = lua_tolstring(co, -1, &len);
  if (len > LAB_AWAITED_NAME) /* a byte more, so that it counts as cut */
    len = LAB_AWAITED_NAME + 1;
  if (len > 0)
    lab_buf_append(out, name, len);
  lua_pop(co, 1);
  return len > 0;
}

static void append_select_names(lua_State *co, lab_buf *out) {
  int n = 0;
  for (int at = 3; at <= lua_gettop(co) && n < SELECT_SHOWN; at += 2) {
    size_t before = out->len;
    if (n > 0)
      lab_buf_puts(out, " or ");
    if (append_awaited_name(co, at, out))
      n++;
    else
      out->len = before;
  }
}

static lab_lock_view view_lock(const void *lock, lab_lock_kind kind) {
  switch (kind) {
  case LAB_LOCK_RW:
    return lab_rwmutex_view(lock);
  case LAB_LOCK_POOL:
    return lab_pool_view(lock);
  default:
    return lab_mutex_view(lock);
  }
}

void lab_awaited_keep(lab_goroutines *g, const void *lock, lab_lock_kind kind) {
  if (lab_awaited_lock(g, lock))
    return;
  lab_lock_view view = view_lock(lock, kind);
  lab_awaited_add_lock(g, lock, &view);
}

static uint32_t find_awaited_lock(lab_goroutines *g, lua_State *co,
                                  lab_lock_kind kind, const lab_buf *name) {
  const void *lock = lua_touserdata(co, 1);
  lab_awaited_keep(g, lock, kind);
  uint32_t number = lab_awaited_lock(g, lock);
  lab_awaited_set_name(g, number, name->data, name->len);
  return number;
}

static lab_lock_kind find_lock_kind(lab_wait why) {
  if (why == LAB_WAIT_POOL)
    return LAB_LOCK_POOL;
  return why == LAB_WAIT_MUTEX ? LAB_LOCK_MUTEX : LAB_LOCK_RW;
}

uint32_t lab_awaited_find(lab_goroutines *g, lab_lua_task *t) {
  lab_wait why = (lab_wait)t->base.wait;
  bool is_lock =
      why == LAB_WAIT_POOL || (why >= LAB_WAIT_MUTEX && why <= LAB_WAIT_WLOCK);
  bool has_name = is_lock || why == LAB_WAIT_SLEEP ||
                  (why >= LAB_WAIT_WAIT_GROUP && why <= LAB_WAIT_SELECT);
  if (!has_name ||
      (why != LAB_WAIT_SELECT && lua_type(t->co, 1) != LUA_TUSERDATA))
    return 0;
  lab_buf name = LAB_BUF_INIT;
  uint32_t number = 0;
  if (why == LAB_WAIT_SELECT)
    append_select_names(t->co, &name);
  else
    append_awaited_name(t->co, 1, &name);
  if (is_lock)
    number = find_awaited_lock(g, t->co, find_lock_kind(why), &name);
  else if (name.len > 0)
    number = lab_awaited_named(g, name.data, name.len);
  lab_buf_free(&name);
  return number;
}
