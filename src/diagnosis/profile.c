/* SPDX-License-Identifier: MIT
 * See profile.h. */
#include "diagnosis/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "diagnosis/own_name.h"
#include "diagnosis/trace_profiles.h"
#include "pprof/delta.h"
#include "pprof/query.h"
#include "scenario/owner.h"
#include "stack/luanames.h"

typedef struct profile {
  lab_pprof *p;
} profile;

static const char PROFILE[] = "lab.decoded_profile";
enum { BYTES = 1, TOP_DEFAULT = 5, TOP_MAX = 1000 };

static profile *check_profile(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, PROFILE);
}

static int free_profile(lua_State *L) {
  profile *u = check_profile(L, 1);
  lab_pprof_free(u->p);
  u->p = NULL;
  return 0;
}

/* ---- filters ------------------------------------------------------------- */

static const char *take_filter_text(lua_State *L, int at, const char *key) {
  lua_getfield(L, at, key);
  const char *text = lua_tostring(L, -1); /* the table keeps it alive */
  lua_pop(L, 1);
  return text;
}

static bool take_filter_flag(lua_State *L, int at, const char *key) {
  lua_getfield(L, at, key);
  bool flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

/* NAMES has room for LAB_PPROF_UNDER_MAX. */
static size_t take_filter_names(lua_State *L, int at, const char *key,
                                const char **names) {
  lua_getfield(L, at, key);
  size_t n = lua_istable(L, -1) ? (size_t)lua_rawlen(L, -1) : 0;
  if (n > LAB_PPROF_UNDER_MAX)
    luaL_error(L, "%s has too many names", key);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    names[i] = luaL_checkstring(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return n;
}

typedef struct question {
  const char *under[LAB_PPROF_UNDER_MAX];
  lab_pprof_filter filter;
  size_t type;
} question;

/* Reads the filter at the stack's place 2. */
static void take_question(lua_State *L, const lab_pprof *p, question *q) {
  luaL_checktype(L, 2, LUA_TTABLE);
  *q = (question){
      .filter = {.scenario = take_filter_text(L, 2, "scenario"),
                 .only_scenario = take_filter_flag(L, 2, "only_scenario"),
                 .tag_key = take_filter_text(L, 2, "tag_key"),
                 .tag_value = take_filter_text(L, 2, "tag_value"),
                 .of = take_filter_text(L, 2, "of"),
                 .top = take_filter_text(L, 2, "top"),
                 .leaf = take_filter_text(L, 2, "leaf"),
                 .line = take_filter_text(L, 2, "line"),
                 .absent = take_filter_text(L, 2, "absent")}};
  q->filter.nunder = take_filter_names(L, 2, "under", q->under);
  q->filter.under = q->under;
  const char *type = take_filter_text(L, 2, "type");
  q->type = lab_pprof_type_index(p, type);
  if (q->type == p->ntypes)
    luaL_error(L, "the profile has no values called '%s'", type);
}

/* ---- questions ----------------------------------------------------------- */

static int push_sum(lua_State *L) {
  profile *u = check_profile(L, 1);
  question asked;
  take_question(L, u->p, &asked);
  lab_pprof_query *q = lab_pprof_query_new(u->p, &asked.filter);
  lab_pprof_sum sum = lab_pprof_query_sum(q, asked.type);
  lab_pprof_query_free(q);
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, sum.whole);
  lua_setfield(L, -2, "whole");
  lua_pushinteger(L, sum.part);
  lua_setfield(L, -2, "part");
  lua_pushnumber(L, sum.n);
  lua_setfield(L, -2, "n");
  if (!isnan(sum.share)) {
    lua_pushnumber(L, sum.share);
    lua_setfield(L, -2, "share");
  }
  return 1;
}

static void push_row(lua_State *L, const lab_pprof_row *row) {
  lua_createtable(L, 0, 3);
  lua_pushstring(L, row->name);
  lua_setfield(L, -2, "name");
  lua_pushinteger(L, row->flat);
  lua_setfield(L, -2, "flat");
  lua_pushinteger(L, row->cum);
  lua_setfield(L, -2, "cum");
}

static int push_top(lua_State *L) {
  profile *u = check_profile(L, 1);
  question asked;
  take_question(L, u->p, &asked);
  lua_getfield(L, 2, "max");
  lua_Integer max = luaL_optinteger(L, -1, TOP_DEFAULT);
  luaL_argcheck(L, max > 0 && max <= TOP_MAX, 2, "max is out of range");
  lab_pprof_row *rows = lua_newuserdatauv(L, (size_t)max * sizeof *rows, 0);
  lab_pprof_query *q = lab_pprof_query_new(u->p, &asked.filter);
  size_t n = lab_pprof_query_top(
      q, asked.type, take_filter_flag(L, 2, "by_cum"), rows, (size_t)max);
  lab_pprof_query_free(q);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    push_row(L, &rows[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int push_has_function(lua_State *L) {
  profile *u = check_profile(L, 1);
  size_t len;
  const char *name = luaL_checklstring(L, 2, &len);
  bool found = false;
  for (size_t i = 0; i < u->p->nfunctions && !found; i++)
    found = lab_own_name_is(u->p->functions[i].name, name, len);
  lua_pushboolean(L, found);
  return 1;
}

/* Is FRAME of the FILE, without its folders, and at LINE? */
static bool is_at_line(const lab_pprof *p, const lab_pprof_line *frame,
                       const char *file, size_t len, int64_t line) {
  if (frame->line != line || frame->function == LAB_PPROF_NONE)
    return false;
  const lab_pprof_function *f = &p->functions[frame->function];
  size_t all = f->file_length;
  return all >= len && memcmp(f->file + all - len, file, len) == 0 &&
         (all == len || f->file[all - len - 1] == '/');
}

static int push_function_at(lua_State *L) {
  const lab_pprof *p = check_profile(L, 1)->p;
  const char *text = luaL_checkstring(L, 2), *colon = strrchr(text, ':');
  int64_t line = colon ? strtoll(colon + 1, NULL, 10) : 0;
  for (size_t i = 0; colon && i < p->nlines; i++)
    if (is_at_line(p, &p->lines[i], text, (size_t)(colon - text), line)) {
      lua_pushstring(L, p->functions[p->lines[i].function].name);
      return 1;
    }
  lua_pushnil(L);
  return 1;
}

/* ---- stacks -------------------------------------------------------------- */

/* Appends the scenario's frames of S, each with a newline. */
static void write_stack(const lab_pprof *p, const lab_pprof_sample *s,
                        const char *scenario, lab_buf *out) {
  lab_pprof_walk walk = {.p = p, .s = s};
  lab_pprof_line frame;
  uint32_t at;
  size_t last = 0, last_len = 0;
  while (lab_pprof_next_frame(&walk, &frame, &at)) {
    size_t len;
    const char *name =
        frame.function == LAB_PPROF_NONE
            ? NULL
            : lab_own_name_find(p->functions[frame.function].name, scenario,
                                &len);
    if (!name || (last_len == len && len > 0 &&
                  memcmp(out->data + last, name, len) == 0))
      continue;
    last = out->len;
    last_len = len;
    lab_buf_append(out, name, len);
    lab_buf_putc(out, '\n');
  }
}

/* From { [stack as text] = weight } at the top: the list of profile.h. */
static int push_stack_list(lua_State *L) {
  int weights = lua_gettop(L);
  lua_newtable(L);
  lua_Integer n = 0;
  for (lua_pushnil(L); lua_next(L, weights); lua_pop(L, 1)) {
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "weight");
    lua_Integer frames = 0;
    for (const char *at = lua_tostring(L, -3), *end; (end = strchr(at, '\n'));
         at = end + 1) {
      lua_pushlstring(L, at, (size_t)(end - at));
      lua_rawseti(L, -2, ++frames);
    }
    lua_rawseti(L, weights + 1, ++n);
  }
  return 1;
}

/* What a walk over all stacks has in memory: a userdata, so that it is freed
 * also when something raises. */
typedef struct stack_walk {
  lab_pprof_query *q;
  lab_buf text;
} stack_walk;

static const char STACK_WALK[] = "lab.stack_walk";

static int free_stack_walk(lua_State *L) {
  stack_walk *w = lua_touserdata(L, 1);
  lab_pprof_query_free(w->q);
  lab_buf_free(&w->text);
  w->q = NULL;
  return 0;
}

static stack_walk *push_stack_walk(lua_State *L) {
  stack_walk *w =
      lab_push_owner(L, sizeof *w, 0, STACK_WALK, free_stack_walk, NULL);
  w->text = (lab_buf)LAB_BUF_INIT;
  return w;
}

/* Adds WEIGHT to the stack in TEXT, in the table at WEIGHTS. */
static void add_stack_weight(lua_State *L, int weights, const lab_buf *text,
                             int64_t weight) {
  lua_pushlstring(L, text->data, text->len);
  lua_pushvalue(L, -1);
  lua_rawget(L, weights);
  lua_Integer before = lua_tointeger(L, -1);
  lua_pop(L, 1);
  lua_pushinteger(L, before + weight);
  lua_rawset(L, weights);
}

static int push_stacks(lua_State *L) {
  profile *u = check_profile(L, 1);
  question asked;
  take_question(L, u->p, &asked);
  stack_walk *w = push_stack_walk(L);
  lua_newtable(L);
  int weights = lua_gettop(L);
  w->q = lab_pprof_query_new(u->p, &asked.filter);
  for (size_t i = 0; i < u->p->nsamples; i++) {
    const lab_pprof_sample *s = &u->p->samples[i];
    if (lab_pprof_query_fit(w->q, s) != LAB_PPROF_PART)
      continue;
    lab_buf_clear(&w->text);
    write_stack(u->p, s, asked.filter.scenario, &w->text);
    if (w->text.len > 0)
      add_stack_weight(L, weights, &w->text, s->values[asked.type]);
  }
  return push_stack_list(L);
}

/* ---- the whole ----------------------------------------------------------- */

static int subtract_profile(lua_State *L) {
  profile *u = check_profile(L, 1);
  profile *base = check_profile(L, 2);
  lab_err err = {{0}};
  if (lab_pprof_subtract(u->p, base->p, NULL, &err)) {
    luaL_pushfail(L);
    lua_pushstring(L, err.text);
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}

static int push_bytes(lua_State *L) {
  check_profile(L, 1);
  lua_getiuservalue(L, 1, BYTES);
  return 1;
}

static int decode_bytes(lua_State *L);

static int copy_profile(lua_State *L) {
  push_bytes(L);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return decode_bytes(L);
}

static const luaL_Reg methods[] = {
    {"sum", push_sum},
    {"top", push_top},
    {"stacks", push_stacks},
    {"has_function", push_has_function},
    {"function_at", push_function_at},
    {"subtract", subtract_profile},
    {"copy", copy_profile},
    {"bytes", push_bytes},
    {NULL, NULL},
};

static profile *push_profile(lua_State *L) {
  return lab_push_owner(L, sizeof(profile), 1, PROFILE, free_profile, methods);
}

int lab_diagnosis_push_profile(lua_State *L, const void *bytes, size_t len,
                               const lab_pprof_limits *limits, size_t *memory) {
  profile *u = push_profile(L);
  lab_err err = {{0}};
  if (lab_pprof_decode(&u->p, bytes, len, limits, &err) == 0) {
    if (memory)
      *memory = u->p->memory;
    return 1;
  }
  luaL_pushfail(L);
  lua_pushstring(L, err.text);
  return 2;
}

static int decode_bytes(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  int n = lab_diagnosis_push_profile(L, bytes, len, NULL, NULL);
  if (n == 1) {
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, BYTES);
  }
  return n;
}

/* ---- traces -------------------------------------------------------------- */

static const char TRACE[] = "lab.decoded_trace";

/* What was made of a trace is freed at once, or, if something raises, with its
 * owner. */
static int free_made(lua_State *L) {
  lab_trace_profiles_free(lua_touserdata(L, 1));
  return 0;
}

/* What all profiles of a trace may take, and take. */
typedef struct trace_room {
  lab_pprof_limits limits;
  size_t used;
} trace_room;

/* Sets the profile of BYTES in the table at the top. */
static void set_trace_part(lua_State *L, const char *kind, const lab_buf *bytes,
                           trace_room *room) {
  int table = lua_gettop(L);
  size_t memory = 0;
  lab_diagnosis_push_profile(L, bytes->data, bytes->len, &room->limits,
                             &memory);
  room->limits.memory -= memory;
  room->used += memory;
  lua_settop(L, table + 1); /* without the message */
  lua_setfield(L, table, kind);
}

static void set_trace_number(lua_State *L, const char *key, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

int lab_diagnosis_push_trace(lua_State *L, const void *bytes, size_t len,
                             const lab_pprof_limits *limits, size_t *memory) {
  lab_trace_facts facts;
  lab_err err = {{0}};
  trace_room room = {limits ? *limits : LAB_PPROF_LIMITS, 0};
  lab_trace_profiles *made =
      lab_push_owner(L, sizeof *made, 0, TRACE, free_made, NULL);
  if (lab_trace_profiles_read(bytes, len, &facts, made, &err)) {
    luaL_pushfail(L);
    lua_pushstring(L, err.text);
    return 2;
  }
  lua_createtable(L, 0, 4);
  set_trace_number(L, "requests", facts.requests);
  set_trace_number(L, "seconds", (double)facts.ns / 1e9);
  set_trace_number(L, "busy", (double)facts.busy_ns / 1e9);
  lua_createtable(L, 0, 3);
  set_trace_part(L, "wall", &made->wall, &room);
  set_trace_part(L, "block", &made->block, &room);
  set_trace_part(L, "goroutine", &made->goroutine, &room);
  lua_setfield(L, -2, "profiles");
  lab_trace_profiles_free(made);
  if (memory)
    *memory = room.used;
  return 1;
}

static int decode_trace(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  return lab_diagnosis_push_trace(L, bytes, len, NULL, NULL);
}

/* ---- names --------------------------------------------------------------- */

static const char NAME_LIST[] = "lab.name_list";

static int free_name_list(lua_State *L) {
  lab_luaname **list = lua_touserdata(L, 1);
  lab_xfree(*list);
  *list = NULL;
  return 0;
}

static int list_function_names(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lab_luaname **list =
      lab_push_owner(L, sizeof *list, 0, NAME_LIST, free_name_list, NULL);
  size_t n = lab_luanames_find(text, len, list);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, (*list)[i].name);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, (*list)[i].line);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

const luaL_Reg lab_diagnosis_profiles[] = {
    {"decode", decode_bytes},
    {"decode_trace", decode_trace},
    {"function_names", list_function_names},
    {NULL, NULL},
};
