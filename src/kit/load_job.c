/* SPDX-License-Identifier: MIT
 * See load_job.h. */
#include "kit/load_job.h"

#include <lauxlib.h>

#include "base/alloc.h"
#include "kit/lesson_plan.h"
#include "load/load.h"

struct lab_load_job {
  lab_lesson_plan plans; /* the texts are the Lua table's */
  const char *url;
  uv_loop_t *loop;
  lab_load *load; /* under way */
  void (*done)(void *arg);
  void *arg;
  lab_load_result result; /* when it has ended; its latency is the next */
  lab_hdr *latency;
};

/* ---- the plan ------------------------------------------------------------ */

lab_load_job *lab_load_job_new(lua_State *L, uv_loop_t *loop) {
  lab_lesson_plan plans = {0};
  lab_lesson_plan_take(L, &plans); /* may raise */
  lua_getfield(L, -1, "url");
  luaL_checktype(L, -1, LUA_TSTRING); /* the table keeps it alive */
  const char *url = lua_tostring(L, -1);
  lua_pop(L, 1);
  lab_load_job *j = lab_xcalloc(1, sizeof *j);
  lab_lesson_plan_take(L, &j->plans); /* the same, with links into J */
  j->url = url;
  j->loop = loop;
  return j;
}

/* ---- running ------------------------------------------------------------- */

static void keep_result(void *arg, const lab_load_result *result) {
  lab_load_job *j = arg;
  j->load = NULL;
  j->result = *result;
  j->latency = lab_hdr_new();
  lab_hdr_merge(j->latency, result->latency);
  j->done(j->arg);
}

int lab_load_job_begin(lab_load_job *j, void (*done)(void *arg), void *arg,
                       lab_err *err) {
  j->done = done;
  j->arg = arg;
  const lab_load_config config = {
      .url = j->url, .plan = &j->plans.main, .done = keep_result, .arg = j};
  j->load = lab_load_begin(j->loop, &config, err);
  return j->load ? 0 : -1;
}

void lab_load_job_cancel(lab_load_job *j) {
  if (j->load)
    lab_load_cancel(j->load);
}

void lab_load_job_free(lab_load_job *j) {
  lab_xfree(j->latency);
  lab_xfree(j);
}

/* ---- the result ---------------------------------------------------------- */

static void set_seconds(lua_State *L, const char *key, double ns) {
  lua_pushnumber(L, ns / 1e9);
  lua_setfield(L, -2, key);
}

static void push_latency(lua_State *L, const lab_hdr *h) {
  lua_newtable(L);
  if (h->count == 0)
    return;
  set_seconds(L, "p50", (double)lab_hdr_percentile(h, 50));
  set_seconds(L, "p90", (double)lab_hdr_percentile(h, 90));
  set_seconds(L, "p99", (double)lab_hdr_percentile(h, 99));
  set_seconds(L, "max", (double)h->greatest);
  set_seconds(L, "mean", lab_hdr_mean(h));
}

void lab_load_job_push_result(lua_State *L, const lab_load_job *j) {
  static const char *const names[] = {"none", "1xx", "2xx",
                                      "3xx",  "4xx", "5xx"};
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer)j->result.sent);
  lua_setfield(L, -2, "requests");
  set_seconds(L, "elapsed", (double)j->result.elapsed_ns);
  lua_newtable(L);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_pushinteger(L, (lua_Integer)j->result.status[i]);
    lua_setfield(L, -2, names[i]);
  }
  lua_setfield(L, -2, "statuses");
  push_latency(L, j->latency);
  lua_setfield(L, -2, "latency");
}
