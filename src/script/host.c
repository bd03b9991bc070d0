/* SPDX-License-Identifier: MIT
 * `host`: what lua/main.lua and its companions need from C to find, load, enter
 * and leave scenarios. Scenarios never see it.
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
#include "base/probe.h"
#include "mem/mem.h"
#include "prof/label.h"
#include "prof/registry.h"
#include "script/told.h"
#include "stack/sources.h"

/* ---- files --------------------------------------------------------- */

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

const luaL_Reg lab_host_files[] = {
    {"scan", host_scan},
    {"read", host_read},
    {"realpath", host_realpath},
    {NULL, NULL},
};

/* ---- tasks and memory ---------------------------------------------- */

/* host.generation(): a new one, which the running task belongs to from now on
 * (and so all that it starts). */
static int host_generation(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  vm->running->base.generation = ++vm->last_generation;
  lua_pushinteger(L, vm->last_generation);
  return 1;
}

/* host.join_generation(g) -> which one the running task belonged to; it belongs
 * to G from now on. */
static int host_join_generation(lua_State *L) {
  lab_task *me = &lab_vm_of(L)->running->base;
  lua_pushinteger(L, me->generation);
  me->generation = (uint32_t)luaL_checkinteger(L, 1);
  return 1;
}

/* host.mark(generation): it is what runs from now on; cumulative profiles begin
 * anew. */
static int host_mark(lua_State *L) {
  lab_registry_mark((uint32_t)luaL_checkinteger(L, 1));
  return 0;
}

/* host.cancel(generation, requests, most = all) -> how many tasks were told */
static int host_cancel(lua_State *L) {
  uint32_t generation = (uint32_t)luaL_checkinteger(L, 1);
  unsigned most = (unsigned)luaL_optinteger(L, 3, UINT_MAX);
  lua_pushinteger(L, lab_lua_task_cancel_all(lab_vm_of(L), generation,
                                             lua_toboolean(L, 2), most));
  return 1;
}

/* host.requests(generation) -> how many are under way */
static int host_requests(lua_State *L) {
  lua_pushinteger(L, lab_lua_task_requests(lab_vm_of(L),
                                           (uint32_t)luaL_checkinteger(L, 1)));
  return 1;
}

/* host.own(flag, task = the running one): what it does from now on is the lab's
 * own work, which doesn't wait behind a crowd of tasks (or, false, the
 * scenario's). TASK must not have ended. */
static int host_own(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  const lab_task_handle *h = lua_touserdata(L, 2);
  lab_lua_task *t = h ? h->task : vm->running;
  t->own = lua_toboolean(L, 1);
  lab_task_urge(vm->sched, &t->base, t->own);
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
  vm->own_limit = bytes > 0 && (size_t)bytes < cap;
  vm->limit = vm->own_limit ? (size_t)bytes : cap;
  lab_mem_set_limit(vm->limit);
  lab_fd_set_limit(vm, (unsigned)luaL_checkinteger(L, 2));
  atomic_store(&vm->memory_limit, vm->limit);
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

/* ---- serving ------------------------------------------------------- */

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
    {"compile", host_compile},
    {"generation", host_generation},
    {"join_generation", host_join_generation},
    {"mark", host_mark},
    {"cancel", host_cancel},
    {"requests", host_requests},
    {"own", host_own},
    {"loading", host_loading},
    {"entering", lab_host_entering},
    {"reading", lab_host_reading},
    {"leaving", lab_host_leaving},
    {"collect", host_collect},
    {"reclaim", host_reclaim},
    {"limit", host_limit},
    {"cancelled", host_cancelled},
    {"traceback", host_traceback},
    {"explain", lab_host_explain},
    {"did_you_mean", lab_host_did_you_mean},
    {"serve", host_serve},
    {"opener", lab_file_opener},
    {NULL, NULL},
};

static void push_strings(lua_State *L, char **list) {
  lua_newtable(L);
  for (int i = 0; list[i]; i++) {
    lua_pushstring(L, list[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

void lab_host_open(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  luaL_newlib(L, host);
  luaL_setfuncs(L, lab_host_files, 0);
  push_strings(L, vm->scenario_dirs);
  lua_setfield(L, -2, "dirs");
  push_strings(L, vm->params);
  lua_setfield(L, -2, "params");
}
