/* SPDX-License-Identifier: MIT
 * See scenario.h. */
#include "scenario/scenario.h"

#include <limits.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/err.h"
#include "scenario/host.h"
#include "scenario/parts.h"
#include "stack/sources.h"
#include "vm/vm.h"

/* The Lua files, embedded by the build. */
/* ---- life -----------------------------------------------------------------
 */

static char **copy_strings(const char *const *list, size_t n) {
  char **copy = lab_xcalloc(n + 1, sizeof *copy);
  for (size_t i = 0; i < n; i++)
    copy[i] = lab_xstrdup(list[i]);
  return copy;
}

static void free_strings(char **list) {
  for (size_t i = 0; list[i]; i++)
    lab_xfree(list[i]);
  lab_xfree(list);
}

void lab_scenario_new(lab_vm *vm, const lab_scenario_config *config) {
  lab_scenario *s = vm->scenario = lab_xcalloc(1, sizeof *s);
  s->vm = vm;
  pthread_mutex_init(&s->switches.lock, NULL);
  s->dirs = copy_strings(config->dirs, config->ndirs);
  s->ndirs = config->ndirs;
  s->params = copy_strings(config->params, config->nparams);
  s->nparams = config->nparams;
  s->lua_dir = config->lua_dir ? lab_xstrdup(config->lua_dir) : NULL;
  lab_list_init(&s->requests.all);
  vm->count_queued = lab_requests_queued;
  lab_shown_init(vm);
}

void lab_scenario_free(lab_vm *vm) {
  lab_scenario *s = vm->scenario;
  lab_shown_free(vm);
  pthread_mutex_destroy(&s->switches.lock);
  free_strings(s->dirs);
  free_strings(s->params);
  lab_xfree(s->lua_dir);
  lab_xfree(s);
  vm->scenario = NULL;
  vm->count_queued = NULL;
}

const char *const *lab_scenario_dirs(const lab_vm *vm, size_t *n) {
  *n = vm->scenario->ndirs;
  return (const char *const *)vm->scenario->dirs;
}

/* ---- the Lua files --------------------------------------------------------
 */

/* Calls an embedded file with the NARGS arguments on top of the stack; leaves
 * its one result. Profiles show the functions of main.lua as "main.<function>",
 * and others' as "main/<file>.<function>". */
static void run_embedded(lua_State *L, const char *name, int nargs) {
  const lab_part part = lab_part_find(name);
  const char *lua_dir = lab_vm_of(L)->scenario->lua_dir;
  char path[PATH_MAX], prefix[64] = "main";
  LAB_ASSERT(part.text);
  if (strcmp(name, "main") != 0)
    snprintf(prefix, sizeof prefix, "main/%s", name);
  if (lua_dir)
    snprintf(path, sizeof path, "%s/%s.lua", lua_dir, name);
  else
    snprintf(path, sizeof path, "diaglab/%s.lua", name);
  lua_pushfstring(L, "@%s", path);
  lab_sources_register_late(lua_tostring(L, -1), prefix, path, part.text,
                            part.len);
  if (luaL_loadbufferx(L, part.text, part.len, lua_tostring(L, -1), "t") !=
      LUA_OK)
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
 * request.lua(host) -> request
 * giving.lua(lab, host) -> giving
 * main.lua(lab, host, steps, request, giving) -> app */
void lab_scenario_open(lua_State *L, lua_CFunction opener) {
  lab_scenario *s = lab_vm_of(L)->scenario;
  int lab = lua_gettop(L);
  lab_host_push(L, opener);
  int host = lua_gettop(L);

  lua_pushvalue(L, lab);
  lua_pushvalue(L, host);
  run_embedded(L, "sandbox", 2);
  lua_pushvalue(L, host);
  lua_insert(L, -2);
  run_embedded(L, "steps", 2);
  lua_pushvalue(L, lab);
  lua_pushvalue(L, host);
  lua_rotate(L, -3, 2);
  lua_pushvalue(L, host);
  run_embedded(L, "request", 1);
  lua_pushvalue(L, lab);
  lua_pushvalue(L, host);
  run_embedded(L, "giving", 2);
  run_embedded(L, "main", 5);

  int app = lua_gettop(L);
  s->step.table = LUA_NOREF;
  s->switches.function = take_ref(L, app, "switchToStep");
  s->switches.tidy = take_ref(L, app, "tidyUp");
  s->switches.why_no_step = take_ref(L, app, "whyNoStep");
  lab_requests_open(L, app);
  lua_getfield(L, app, "start");
  lua_call(L, 0, 0);
}
