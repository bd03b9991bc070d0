/* SPDX-License-Identifier: MIT
 * See lesson_plan.h. */
#include "kit/lesson_plan.h"

#include <lauxlib.h>

enum { REQUESTS_MAX = 1000000000, SECONDS_MAX = 1000000000 };

/* What isn't there is 0. */
static double take_plan_number(lua_State *L, const char *key, double most) {
  lua_getfield(L, -1, key);
  double number = luaL_optnumber(L, -1, 0);
  if (!(number >= 0 && number <= most))
    luaL_error(L, "%s: %f is not from 0 to %f", key, number, most);
  lua_pop(L, 1);
  return number;
}

/* A string, because the table keeps that alive: of a number, Lua would make one
 * that nobody keeps. */
static const char *take_plan_text(lua_State *L, const char *key, size_t *len) {
  lua_getfield(L, -1, key);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "%s: must be a string, not a %s", key, luaL_typename(L, -1));
  const char *text = lua_tolstring(L, -1, len);
  lua_pop(L, 1);
  return text;
}

/* The plan that the table at the top of the stack describes. */
static lab_load_plan take_plan(lua_State *L) {
  lab_load_plan plan = {.headers = "User-Agent: diaglab-load\r\n"};
  plan.path = take_plan_text(L, "path", NULL);
  plan.method = take_plan_text(L, "method", NULL);
  plan.body = take_plan_text(L, "body", &plan.body_len);
  plan.requests = (uint64_t)take_plan_number(L, "requests", REQUESTS_MAX);
  plan.duration_ns =
      lab_load_plan_ns(take_plan_number(L, "seconds", SECONDS_MAX));
  plan.clients = (unsigned)take_plan_number(L, "clients", LAB_LOAD_CLIENTS_MAX);
  plan.rate = take_plan_number(L, "rate", 1e6);
  plan.timeout_ns =
      lab_load_plan_ns(take_plan_number(L, "timeout", SECONDS_MAX));
  return plan;
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
