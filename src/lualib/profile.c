/* SPDX-License-Identifier: MIT
 * See profile.h.
 *
 * As with metrics, there is one `own` per name and visit of a step, which is
 * removed with the step, and any number of handles refer to it. Its keys are in
 * a Lua table, which keeps them alive: key -> the number of prof/custom.h. */
#include "lualib/profile.h"

#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lualib/class.h"
#include "prof/custom.h"
#include "prof/export.h"
#include "resources/owned.h"
#include "vm/anchors.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char PROFILE[] = "lab.Profile";
enum { SKIP_MOST = 1000 };

typedef struct own {
  lab_owned owned;
  lab_list link; /* in `profiles` */
  lab_vm *vm;
  lab_custom *custom; /* NULL: its step was left */
  const void *keys;   /* the table, which is anchored under its address */
  unsigned handles;
} own;

typedef struct handle {
  own *of; /* NULL until it is complete, and after its end */
} handle;

/* Of all steps; one VM per process. */
static lab_list profiles = {&profiles, &profiles};

/* ---- the step's ---------------------------------------------------------- */

static void free_own_if_unused(own *o) {
  if (!o->custom && o->handles == 0)
    lab_xfree(o);
}

static void reclaim_profile(lab_owned *owned) {
  own *o = LAB_CONTAINER(owned, own, owned);
  lab_list_remove(&o->link);
  lab_anchor_drop(o->vm, o->keys);
  lab_custom_end(o->custom);
  o->custom = NULL;
  free_own_if_unused(o);
}

/* The profile NAME of the present visit, or NULL; *COUNT: how many it has. */
static own *find_profile(const lab_vm *vm, const char *name, unsigned *count) {
  own *found = NULL;
  *count = 0;
  for (lab_list *l = profiles.next; l != &profiles; l = l->next) {
    own *o = LAB_CONTAINER(l, own, link);
    if (o->owned.generation != lab_vm_generation(vm))
      continue;
    ++*count;
    if (strcmp(lab_custom_name(o->custom), name) == 0)
      found = o;
  }
  return found;
}

/* Its table is on top of the stack, and popped. */
static own *add_profile(lua_State *L, lab_vm *vm, const char *name) {
  const void *keys = lua_topointer(L, -1);
  lab_anchor_set(L, keys);
  own *o = lab_xcalloc(1, sizeof *o);
  o->vm = vm;
  o->keys = keys;
  o->custom = lab_custom_new(name,
                             "Stack traces that added what the scenario has "
                             "not removed yet (lab.profile).",
                             lab_vm_generation(vm));
  lab_list_push_back(&profiles, &o->link);
  lab_owned_add(vm, &o->owned, NULL, reclaim_profile);
  return o;
}

/* ---- making them --------------------------------------------------------- */

/* Is the first word one by which the lab's own profiles are called, or parts of
 * them, such as heap.inuse_space? */
static bool is_lab_name(const char *name) {
  static const char *const words[] = {
      "lab",     "allocs",        "block",     "cmdline",
      "cpu",     "heap",          "goroutine", "mutex",
      "profile", "goroutineleak", "trace",     "threadcreate",
      "wall",    "symbol",        "metrics",   "vars"};
  size_t len = strcspn(name, ".");
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i]) == len && memcmp(words[i], name, len) == 0)
      return true;
  return false;
}

static const char *check_profile_name(lua_State *L) {
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  luaL_argcheck(L, len > 0, 1, "pprof: NewProfile with empty name");
  luaL_argcheck(L, strlen(name) == len && lab_custom_is_name(name), 1,
                "a profile's name is like db.Connections: words of letters, "
                "digits, _ and - with dots between them, 63 bytes at most");
  luaL_argcheck(L, !is_lab_name(name), 1,
                "names that begin with lab. or the name of one of the lab's "
                "own profiles are taken");
  return name;
}

/* lab.profile(name) -> Profile */
static int new_profile(lua_State *L) {
  const char *name = check_profile_name(L);
  lab_vm *vm = lab_vm_of(L);
  unsigned count;
  handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->of = NULL;
  luaL_setmetatable(L, PROFILE);
  own *o = find_profile(vm, name, &count);
  if (!o && count >= LAB_CUSTOM_MOST)
    return luaL_error(L, "a step may have %d profiles", LAB_CUSTOM_MOST);
  if (!o) {
    lua_newtable(L);
    o = add_profile(L, vm, name);
  }
  h->of = o;
  o->handles++;
  return 1;
}

static int profile_gc(lua_State *L) {
  handle *h = lua_touserdata(L, 1);
  if (!h->of)
    return 0;
  h->of->handles--;
  free_own_if_unused(h->of);
  h->of = NULL;
  return 0;
}

/* ---- using them ---------------------------------------------------------- */

/* NULL: its step was left. */
static own *check_own_profile(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, PROFILE);
  return h->of && h->of->custom ? h->of : NULL;
}

static void check_profile_key(lua_State *L) {
  luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "a key isn't nil");
  bool nan =
      lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) != lua_tonumber(L, 2);
  luaL_argcheck(L, !nan, 2, "a key isn't NaN");
}

enum { KEY = 2, KEYS = 3 };

/* Leaves the key and the table of keys on the stack, and pushes what the table
 * has for the key. */
static int push_number(lua_State *L, const own *o) {
  lua_settop(L, KEY);
  lab_anchor_push(L, o->keys);
  lua_pushvalue(L, KEY);
  return lua_rawget(L, KEYS);
}

/* keys[key] = the value on top, popped. The key is there already, or NIL is
 * what it gets: then nothing is allocated. */
static void set_profile_number(lua_State *L) {
  lua_pushvalue(L, KEY);
  lua_insert(L, -2);
  lua_rawset(L, KEYS);
}

/* Where the trace begins: the function that called add, or one that many
 * functions outside of it. */
static uint32_t walk_adder(lua_State *L, int skip) {
  uint32_t stack = lab_walk(L, 1 + skip);
  return stack ? stack : lab_export_pseudo("[skip is too large]");
}

/* p:add(key, [skip]) */
static int profile_add(lua_State *L) {
  own *o = check_own_profile(L);
  check_profile_key(L);
  lua_Integer skip = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, skip >= 0 && skip <= SKIP_MOST, 3, "skip is 0 to 1000");
  if (!o)
    return 0;
  if (push_number(L, o) != LUA_TNIL)
    return luaL_error(L, "pprof: Profile.Add of duplicate value");
  lua_pushboolean(L, 1);
  set_profile_number(L); /* room for it: this may raise */
  uint32_t stack = walk_adder(L, (int)skip);
  uint32_t label = o->vm->running ? o->vm->running->base.label : 0;
  int64_t number = lab_custom_add(o->custom, stack, label);
  if (number < 0 && lab_gc_make_room(L))
    number = lab_custom_add(o->custom, stack, label);
  if (number < 0) {
    lua_pushnil(L);
    set_profile_number(L);
    char limit[LAB_MEMORY_LIMIT_TEXT];
    lab_memory_limit_text(o->vm, limit, sizeof limit);
    return luaL_error(L, LAB_LUA_NO_MEMORY " for one more in a profile: %s",
                      limit);
  }
  lua_pushinteger(L, number);
  set_profile_number(L);
  return 0;
}

/* p:remove(key) */
static int profile_remove(lua_State *L) {
  const own *o = check_own_profile(L);
  check_profile_key(L);
  if (!o || push_number(L, o) == LUA_TNIL)
    return 0;
  lab_custom_remove(o->custom, (size_t)lua_tointeger(L, -1));
  lua_pushnil(L);
  set_profile_number(L);
  return 0;
}

/* p:count() */
static int profile_count(lua_State *L) {
  const own *o = check_own_profile(L);
  lua_pushinteger(L, o ? (lua_Integer)lab_custom_count(o->custom) : 0);
  return 1;
}

static int profile_tostring(lua_State *L) {
  const own *o = check_own_profile(L);
  if (o)
    lua_pushfstring(L, "Profile \"%s\" (%I)", lab_custom_name(o->custom),
                    (LUAI_UACINT)lab_custom_count(o->custom));
  else
    lua_pushliteral(L, "Profile (its step was left)");
  return 1;
}

static const luaL_Reg profile_methods[] = {
    {"add", profile_add},
    {"remove", profile_remove},
    {"count", profile_count},
    {NULL, NULL},
};

static const luaL_Reg profile_metamethods[] = {
    {"__gc", profile_gc},
    {"__tostring", profile_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"profile", new_profile},
    {NULL, NULL},
};

void lab_lib_profile(lua_State *L) {
  lab_lua_new_class(L, PROFILE, profile_methods, profile_metamethods);
  luaL_setfuncs(L, functions, 0);
}
