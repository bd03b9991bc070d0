/* SPDX-License-Identifier: MIT
 * See lesson_plan.h. */
#include "kit/lesson_plan.h"

#include <lauxlib.h>
#include <string.h>

static double take_plan_number(lua_State *L, const char *key, double other) {
  lua_getfield(L, -1, key);
  double number = luaL_optnumber(L, -1, other);
  lua_pop(L, 1);
  return number;
}

static const char *take_plan_text(lua_State *L, const char *key) {
  lua_getfield(L, -1, key);
  const char *text = lua_tostring(L, -1); /* the table keeps it alive */
  lua_pop(L, 1);
  return text;
}

/* The plan that the table at the top of the stack describes. */
static lab_load_plan take_plan(lua_State *L) {
  const char *body = take_plan_text(L, "body");
  return (lab_load_plan){
      .path = take_plan_text(L, "path"),
      .method = take_plan_text(L, "method"),
      .headers = "User-Agent: diaglab-load\r\n",
      .body = body,
      .body_len = body ? strlen(body) : 0,
      .requests = (uint64_t)take_plan_number(L, "requests", 0),
      .duration_ns = (uint64_t)(take_plan_number(L, "seconds", 0) * 1e9),
      .clients = (unsigned)take_plan_number(L, "clients", 1),
      .rate = take_plan_number(L, "rate", 0),
      .timeout_ns = (uint64_t)(take_plan_number(L, "timeout", 0) * 1e9)};
}

static void take_inner_plan(lua_State *L, const char *key, lab_load_plan *plan,
                            const lab_load_plan **link) {
  lua_getfield(L, -1, key);
  if (lua_istable(L, -1)) {
    *plan = take_plan(L);
    *link = plan;
  }
  lua_pop(L, 1);
}

void lab_lesson_plan_take(lua_State *L, lab_lesson_plan *plan) {
  plan->main = take_plan(L);
  take_inner_plan(L, "first", &plan->first, &plan->main.first);
  take_inner_plan(L, "beside", &plan->beside, &plan->main.beside);
}
