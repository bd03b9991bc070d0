/* SPDX-License-Identifier: MIT
 * See batch.h. */
#include "kit/batch.h"

#include <stdio.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/client.h"
#include "kit/interrupt.h"
#include "kit/load_job.h"
#include "scenario/owner.h"

enum { BODY_MAX = 64 << 20, LOOK_MS = 50, TIMEOUT_S = 60 };

struct batch;

typedef struct job {
  struct batch *batch;
  uv_timer_t begins;
  const char *url;  /* the Lua table keeps it; NULL: a pause, or */
  const char *body; /* that is posted, or NULL; likewise */
  size_t body_len;
  char headers[128];
  lab_load_job *load; /* a load */
  int follows; /* begins when that job, by its number from 1, has ended */
  uint64_t after_ms;
  uint64_t timeout_ms;
  lab_http_call *call; /* under way */
  uint64_t began;
  double took;
  lab_http_result result;
  lab_err error; /* of a load that couldn't begin */
} job;

typedef struct batch {
  uv_loop_t loop;
  uv_timer_t looks; /* for an interruption: signals don't wake the loop */
  job *jobs;
  size_t n, left;
} batch;

static const char BATCH[] = "lab.batch";

/* ---- running ------------------------------------------------------------- */

static void begin_batch_job(uv_timer_t *timer);

static void end_batch_job(void *arg) {
  job *j = arg;
  batch *b = j->batch;
  j->took = (double)(lab_clock_mono() - j->began) / 1e9;
  if (--b->left == 0)
    uv_timer_stop(&b->looks);
  for (size_t i = 0; i < b->n && !lab_kit_interrupted(); i++)
    if (b->jobs[i].follows == (int)(j - b->jobs) + 1)
      uv_timer_start(&b->jobs[i].begins, begin_batch_job, b->jobs[i].after_ms,
                     0);
}

static void keep_answer(void *arg, lab_http_result *result) {
  job *j = arg;
  j->call = NULL;
  j->result = *result;
  result->headers = result->body = (lab_buf)LAB_BUF_INIT;
  end_batch_job(j);
}

static void begin_batch_job(uv_timer_t *timer) {
  job *j = timer->data;
  j->began = lab_clock_mono();
  if (j->load) {
    if (lab_load_job_begin(j->load, end_batch_job, j, &j->error)) {
      j->result.error = -1;
      end_batch_job(j);
    }
    return;
  }
  if (!j->url) {
    end_batch_job(j);
    return;
  }
  const lab_http_call_config config = {.method = j->body ? "POST" : "GET",
                                       .url = j->url,
                                       .headers = j->headers,
                                       .body = j->body,
                                       .body_len = j->body_len,
                                       .timeout_ms = j->timeout_ms,
                                       .max_body = BODY_MAX,
                                       .done = keep_answer,
                                       .arg = j};
  j->call = lab_http_call_begin(&j->batch->loop, &config);
}

static void give_up(batch *b) {
  uv_timer_stop(&b->looks);
  for (size_t i = 0; i < b->n; i++) {
    uv_timer_stop(&b->jobs[i].begins);
    if (b->jobs[i].call)
      lab_http_call_cancel(b->jobs[i].call);
    b->jobs[i].call = NULL;
    if (b->jobs[i].load)
      lab_load_job_cancel(b->jobs[i].load);
  }
}

static void look_for_interrupt(uv_timer_t *timer) {
  if (lab_kit_interrupted())
    give_up(timer->data);
}

/* ---- its memory ---------------------------------------------------------- */

static int close_batch(lua_State *L) {
  batch *b = lua_touserdata(L, 1);
  if (!b->jobs)
    return 0;
  give_up(b);
  for (size_t i = 0; i < b->n; i++) {
    uv_close((uv_handle_t *)&b->jobs[i].begins, NULL);
    lab_buf_free(&b->jobs[i].result.headers);
    lab_buf_free(&b->jobs[i].result.body);
  }
  uv_close((uv_handle_t *)&b->looks, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  uv_loop_close(&b->loop);
  for (size_t i = 0; i < b->n; i++)
    if (b->jobs[i].load)
      lab_load_job_free(b->jobs[i].load);
  lab_xfree(b->jobs);
  b->jobs = NULL;
  return 0;
}

static batch *push_batch(lua_State *L, size_t n) {
  batch *b = lab_push_owner(L, sizeof *b, 0, BATCH, close_batch, NULL);
  b->n = n;
  int rc = uv_loop_init(&b->loop);
  if (rc)
    luaL_error(L, "no event loop: %s", uv_strerror(rc));
  b->jobs = lab_xcalloc(n + 1, sizeof *b->jobs);
  uv_timer_init(&b->loop, &b->looks);
  b->looks.data = b;
  for (size_t i = 0; i < n; i++) {
    b->jobs[i].batch = b;
    uv_timer_init(&b->loop, &b->jobs[i].begins);
    b->jobs[i].begins.data = &b->jobs[i];
  }
  lua_toclose(L, -1);
  return b;
}

/* ---- Lua's side ---------------------------------------------------------- */

static uint64_t take_ms(lua_State *L, int at, const char *key, double other) {
  lua_getfield(L, at, key);
  double seconds = luaL_optnumber(L, -1, other);
  lua_pop(L, 1);
  return (uint64_t)(seconds * 1000);
}

/* What is asked for, by the job at AT: its texts stay in the table. */
static void plan_request(lua_State *L, int at, job *j) {
  lua_getfield(L, at, "get");
  lua_getfield(L, at, "post");
  lua_getfield(L, at, "body");
  lua_getfield(L, at, "type");
  lua_getfield(L, at, "agent");
  const char *agent = luaL_optstring(L, -1, "diaglab-kit");
  const char *type = lua_tostring(L, -2);
  bool posts = lua_type(L, -4) == LUA_TSTRING;
  j->url = lua_type(L, -5) == LUA_TSTRING ? lua_tostring(L, -5) : NULL;
  if (posts) {
    luaL_checktype(L, -3, LUA_TSTRING);
    j->url = lua_tostring(L, -4);
    j->body = lua_tolstring(L, -3, &j->body_len);
  }
  snprintf(j->headers, sizeof j->headers, "User-Agent: %s\r\n%s%s%s", agent,
           type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "");
  lua_pop(L, 5);
}

/* The job at the top of the stack, which stays there. */
static void plan_job(lua_State *L, job *j) {
  int at = lua_gettop(L);
  plan_request(L, at, j);
  j->timeout_ms = take_ms(L, at, "timeout", TIMEOUT_S);
  j->after_ms = take_ms(L, at, j->url ? "after" : "pause", 0);
  lua_getfield(L, at, "load");
  if (lua_istable(L, -1)) {
    j->load = lab_load_job_new(L, &j->batch->loop);
    j->after_ms = take_ms(L, at, "after", 0);
  }
  lua_pop(L, 1);
  lua_getfield(L, at, "follows");
  j->follows = (int)luaL_optinteger(L, -1, 0);
  lua_pop(L, 1);
  if (j->follows == 0)
    uv_timer_start(&j->begins, begin_batch_job, j->after_ms, 0);
}

static void push_result(lua_State *L, const job *j) {
  if (j->load && j->result.error)
    luaL_error(L, "%s", j->error.text);
  if (j->load) {
    lab_load_job_push_result(L, j->load);
    return;
  }
  lua_createtable(L, 0, 4);
  lua_pushnumber(L, j->took);
  lua_setfield(L, -2, "took");
  if (!j->url)
    return;
  if (j->result.error || j->result.status == 0) {
    lua_pushstring(L, j->result.message);
    lua_setfield(L, -2, "error");
    return;
  }
  lua_pushinteger(L, j->result.status);
  lua_setfield(L, -2, "status");
  lua_pushlstring(L, j->result.body.len ? j->result.body.data : "",
                  j->result.body.len);
  lua_setfield(L, -2, "body");
}

static int do_together(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  size_t n = (size_t)lua_rawlen(L, 1);
  batch *b = push_batch(L, n);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    plan_job(L, &b->jobs[i]);
    lua_pop(L, 1);
  }
  b->left = n;
  if (n > 0)
    uv_timer_start(&b->looks, look_for_interrupt, LOOK_MS, LOOK_MS);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  lab_kit_check_interrupt(L);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    push_result(L, &b->jobs[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

const luaL_Reg lab_kit_batch[] = {
    {"together", do_together},
    {NULL, NULL},
};
