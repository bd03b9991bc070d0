/* SPDX-License-Identifier: MIT
 * See judge.h. */
#include "diagnosis/judge.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/queue.h"
#include "diagnosis/profile.h"
#include "diagnosis/upload.h"
#include "prof/attempt.h"
#include "scenario/host_files.h"
#include "scenario/lua_room.h"
#include "scenario/parts.h"
#include "scenario/records.h"
#include "vm/stringlib.h"

enum { INSTRUCTIONS = 10000 }; /* between two looks at the clock */

typedef struct judgement {
  const lab_judge_question *q;
  lab_judge_result *result;
  lab_buf *out;
  lab_lua_room memory; /* of the state */
  size_t room;         /* left for profiles */
  uint64_t deadline;   /* of the thread's CPU time */
} judgement;

static judgement *judgement_of(lua_State *L) {
  void *ud;
  lua_getallocf(L, &ud);
  return LAB_CONTAINER(ud, judgement, memory);
}

static void check_judge_time(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (lab_clock_thread_cpu() > judgement_of(L)->deadline)
    luaL_error(L, "this answer takes too long to judge");
}

/* ---- the captures -------------------------------------------------------- */

static bool has_numbers(const lab_capture *c) {
  return strcmp(c->kind, "metrics") == 0 || strcmp(c->kind, "vars") == 0;
}

/* open() of a capture: lua/evidence.lua. */
static int open_evidence(lua_State *L) {
  const lab_capture *c = lua_touserdata(L, lua_upvalueindex(1));
  if (!c->bytes) {
    luaL_pushfail(L);
    return 1;
  }
  const char *bytes = lab_blob_data(c->bytes);
  size_t len = lab_blob_len(c->bytes);
  if (has_numbers(c)) {
    lua_pushlstring(L, bytes, len);
    return 1;
  }
  judgement *j = judgement_of(L);
  check_judge_time(L, NULL); /* reading many may take longer than judging */
  lab_pprof_limits limits = LAB_UPLOAD_LIMITS;
  size_t memory = 0;
  if (limits.memory > j->room)
    limits.memory = j->room;
  int n = strcmp(c->kind, LAB_CAPTURE_TRACE) == 0
              ? lab_diagnosis_push_trace(L, bytes, len, &limits, &memory)
              : lab_diagnosis_push_profile(L, bytes, len, &limits, &memory);
  j->room -= memory;
  return n;
}

static void set_number(lua_State *L, const char *key, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

static void push_evidence(lua_State *L, const lab_judge_question *q,
                          lab_capture *c) {
  lua_createtable(L, 0, 11);
  lua_pushfstring(L, "c%d", (int)c->id);
  lua_setfield(L, -2, "id");
  lua_pushstring(L, c->kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, c->slug);
  lua_setfield(L, -2, "slug");
  lua_pushboolean(L, c->attempt == q->attempt);
  lua_setfield(L, -2, "current");
  lua_pushboolean(L, c->bytes != NULL);
  lua_setfield(L, -2, "kept");
  set_number(L, "requests", c->requests);
  set_number(L, "seconds", c->seconds);
  set_number(L, "busy", c->busy);
  set_number(L, "in_flight", c->in_flight);
  if (c->waited >= 0)
    set_number(L, "waited", c->waited);
  lua_pushlightuserdata(L, c);
  lua_pushcclosure(L, open_evidence, 1);
  lua_setfield(L, -2, "open");
}

static void push_evidence_list(lua_State *L, const lab_judge_question *q,
                               lab_capture *const *list, size_t n) {
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    push_evidence(L, q, list[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* ---- the question -------------------------------------------------------- */

static void push_judge_host(lua_State *L, const lab_judge_question *q) {
  lua_newtable(L);
  luaL_setfuncs(L, lab_host_files, 0);
  luaL_setfuncs(L, lab_host_records, 0);
  lab_host_push_strings(L, q->dirs, q->ndirs);
  lua_setfield(L, -2, "dirs");
}

static void push_judge_question(lua_State *L, const lab_judge_question *q) {
  static const char *const whats[] = {"answer",   "classes", "progress",
                                      "page",     "load",    "source",
                                      "solution", "repair"};
  static const char *const forms[] = {"text", "json", "csv"};
  char attempt[LAB_ATTEMPT_TEXT];
  lab_attempt_text(q->attempt, attempt);
  lua_newtable(L);
  lua_pushinteger(L, q->step);
  lua_setfield(L, -2, "step");
  lua_pushstring(L, attempt);
  lua_setfield(L, -2, "attempt");
  lua_pushlstring(L, q->len ? q->submission : "", q->len);
  lua_setfield(L, -2, "submission");
  lua_pushlstring(L, q->nsums ? q->sums : "", q->nsums);
  lua_setfield(L, -2, "sums");
  lua_pushboolean(L, q->solved);
  lua_setfield(L, -2, "solved");
  lua_pushstring(L, q->repair ? q->repair : "");
  lua_setfield(L, -2, "repair");
  lua_pushboolean(L, q->is_json);
  lua_setfield(L, -2, "is_json");
  lua_pushstring(L, whats[q->what]);
  lua_setfield(L, -2, "what");
  lua_pushstring(L, forms[q->form]);
  lua_setfield(L, -2, "form");
  lua_pushinteger(L, q->next_hint);
  lua_setfield(L, -2, "next_hint");
  lua_pushinteger(L, q->wrong);
  lua_setfield(L, -2, "wrong");
  lua_pushstring(L, q->params ? q->params : "{}");
  lua_setfield(L, -2, "params");
  push_evidence_list(L, q, q->captures, q->ncaptures);
  lua_setfield(L, -2, "captures");
  push_evidence_list(L, q, q->first, q->nfirst);
  lua_setfield(L, -2, "first");
}

/* ---- the result ---------------------------------------------------------- */

/* The table at the top of the stack. */
static void take_word(lua_State *L, const char *key, char out[LAB_JUDGE_WORD]) {
  lua_getfield(L, -1, key);
  const char *word = lua_tostring(L, -1);
  snprintf(out, LAB_JUDGE_WORD, "%s", word ? word : "");
  lua_pop(L, 1);
}

static int take_count(lua_State *L, const char *key) {
  lua_getfield(L, -1, key);
  int n = (int)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return n;
}

static void take_result(lua_State *L, judgement *j) {
  size_t len;
  luaL_checktype(L, -1, LUA_TTABLE);
  take_word(L, "verdict", j->result->verdict);
  take_word(L, "code", j->result->code);
  take_word(L, "class", j->result->class_name);
  j->result->score = take_count(L, "score");
  j->result->status = take_count(L, "status");
  lua_getfield(L, -1, "text");
  const char *text = luaL_checklstring(L, -1, &len);
  lab_buf_append(j->out, text, len);
}

/* Protected. */
static int run_judgement(lua_State *L) {
  judgement *j = judgement_of(L);
  luaL_openlibs(L);
  lab_stringlib_open(L); /* a student's text may be made for a pattern */
  lab_part_push(L, "diagnosis");
  push_judge_host(L, j->q);
  lua_sethook(L, check_judge_time, LUA_MASKCOUNT, INSTRUCTIONS);
  lua_call(L, 1, 1);
  push_judge_question(L, j->q);
  lua_call(L, 1, 1);
  take_result(L, j);
  return 0;
}

void lab_judge_answer(const lab_judge_question *q, lab_judge_result *result,
                      lab_buf *out) {
  *result = (lab_judge_result){.status = 500};
  judgement j = {.q = q,
                 .result = result,
                 .out = out,
                 .memory = {.most = LAB_JUDGE_MEMORY},
                 .room = LAB_JUDGE_PROFILES,
                 .deadline = lab_clock_thread_cpu() +
                             LAB_JUDGE_CPU_MS * LAB_MILLISECOND};
  lua_State *L = lua_newstate(lab_lua_room_alloc, &j.memory);
  if (!L) {
    lab_buf_puts(out, "not enough memory\n");
    return;
  }
  lua_pushcfunction(L, run_judgement);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    const char *text = lua_tostring(L, -1);
    lab_buf_printf(out, "%s\n", text ? text : "?");
    *result = (lab_judge_result){.status = 500};
  }
  lua_close(L);
}
