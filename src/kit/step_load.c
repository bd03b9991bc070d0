/* SPDX-License-Identifier: MIT
 * See step_load.h. */
#include "kit/step_load.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>

#include "base/alloc.h"
#include "kit/batch.h"
#include "kit/lesson_plan.h"
#include "kit/state.h"
#include "scenario/host_files.h"
#include "scenario/parts.h"

struct lab_step_load {
  lua_State *L; /* has the table that the texts are in, on its stack */
  lab_lesson_plan plan;
  const char *about;
};

typedef struct step_question {
  lab_step_load *load;
  const char *url;
  int step;
} step_question;

/* Protected. Returns nothing, or a message. */
static int ask_for_load(lua_State *L) {
  step_question *q = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lab_part_push(L, "step_load");
  lua_newtable(L);
  luaL_setfuncs(L, lab_host_files, 0);
  luaL_setfuncs(L, lab_kit_batch, 0);
  lua_call(L, 1, 1);
  lua_pushstring(L, q->url);
  lua_pushinteger(L, q->step);
  lua_call(L, 2, 2);
  if (!lua_istable(L, -2))
    return 1;
  q->load->about = luaL_checkstring(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "diaglab.about");
  lab_lesson_plan_take(L, &q->load->plan);
  lua_setfield(L, LUA_REGISTRYINDEX, "diaglab.load"); /* keeps the texts */
  return 0;
}

lab_step_load *lab_step_load_ask(const char *url, int step, lab_err *err) {
  lab_step_load *load = lab_xcalloc(1, sizeof *load);
  step_question q = {.load = load, .url = url, .step = step};
  load->L = lab_kit_state_new();
  if (!load->L) {
    lab_err_set(err, -ENOMEM, "not enough memory");
    lab_step_load_free(load);
    return NULL;
  }
  lua_pushcfunction(load->L, ask_for_load);
  lua_pushlightuserdata(load->L, &q);
  if (lua_pcall(load->L, 1, 1, 0) == LUA_OK && lua_isnil(load->L, -1))
    return load;
  const char *message = lua_tostring(load->L, -1);
  lab_err_set(err, -EINVAL, "%s", message ? message : "?");
  lab_step_load_free(load);
  return NULL;
}

lab_load_plan *lab_step_load_plan(lab_step_load *load) {
  return &load->plan.main;
}

const char *lab_step_load_about(const lab_step_load *load) {
  return load->about;
}

void lab_step_load_free(lab_step_load *load) {
  if (load && load->L)
    lua_close(load->L);
  lab_xfree(load);
}
