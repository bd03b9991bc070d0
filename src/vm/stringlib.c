/* SPDX-License-Identifier: MIT
 * See stringlib.h.
 *
 * The matcher (pattern.h) is on the C stack. When a slice ends it is copied
 * into a userdata, on top of the task's stack, and goes on from there. The
 * strings stay where they are, for they are arguments or upvalues.
 *
 * To profiles this file and pattern.c are Lua's library (stack/classify.c), and
 * so they are to the handler that ends a task: at any instruction of theirs it
 * may raise an error (leaf_code.h). So nothing here may be half done but on the
 * stack, or in what only the call under way can reach. */
#include "vm/stringlib.h"

#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <string.h>

#include "stack/frame.h"
#include "vm/pattern.h"
#include "vm/preempt.h"
#include "vm/vm.h"

typedef lab_pattern_text text;
enum { CHECK_BYTES = 1 << 20 };

/* ---- arguments and results ----------------------------------------------- */

/* Argument 3, where to begin: from 0 on; it may lie beyond the end. */
static size_t check_init(lua_State *L, size_t len) {
  lua_Integer at = luaL_optinteger(L, 3, 1);
  if (at > 0)
    return (size_t)at - 1;
  if (at == 0 || at < -(lua_Integer)len)
    return 0;
  return len - (size_t)-at;
}

static void push_capture(const lab_pattern *m, int i) {
  lua_State *L = m->L;
  if (i >= m->level) {
    if (i != 0)
      luaL_error(L, "invalid capture index %%%d", i + 1);
    lua_pushlstring(L, (const char *)m->from, (size_t)(m->s - m->from));
    return;
  }
  text at = m->captures[i].at;
  ptrdiff_t len = m->captures[i].len;
  if (len == LAB_CAPTURE_OPEN)
    luaL_error(L, "unfinished capture");
  else if (len == LAB_CAPTURE_POSITION)
    lua_pushinteger(L, at - m->begin + 1);
  else
    lua_pushlstring(L, (const char *)at, (size_t)len);
}

/* WHOLE: the whole match, if there is no capture. Returns how many. */
static int push_captures(const lab_pattern *m, bool whole) {
  int n = m->level == 0 && whole ? 1 : m->level;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++)
    push_capture(m, i);
  return n;
}

static int push_match(const lab_pattern *m, lab_pattern_result r, bool find) {
  if (r == LAB_PATTERN_FAILED) {
    luaL_pushfail(m->L);
    return 1;
  }
  if (!find)
    return push_captures(m, true);
  lua_pushinteger(m->L, m->from - m->begin + 1);
  lua_pushinteger(m->L, m->s - m->begin);
  return push_captures(m, false) + 2;
}

/* ---- pausing ------------------------------------------------------------- */

/* The slice is over: M goes on in K, with CTX. */
static int pause_match(lab_pattern *m, lua_KContext ctx, lua_KFunction k) {
  lua_State *L = m->L;
  lab_pattern *copy = lua_newuserdatauv(L, sizeof *copy, 0);
  memcpy(copy, m, sizeof *copy);
  return lab_lua_make_way(L, ctx, k);
}

/* The match that was paused, on top of the stack. */
static lab_pattern *get_paused(lua_State *L) {
  lab_lua_check_cancelled(L);
  lab_pattern *m = lua_touserdata(L, -1);
  m->L = L;
  return m;
}

/* ---- find and match ------------------------------------------------------ */

static int go_on_matching(lua_State *L, int status, lua_KContext find) {
  (void)status;
  lab_pattern *m = get_paused(L);
  lab_pattern_result r = lab_pattern_search(m);
  if (r == LAB_PATTERN_PAUSED)
    return lab_lua_make_way(L, find, go_on_matching);
  return push_match(m, r, find != 0);
}

/* Long words by memmem, which takes some time before it begins. */
static text search_plain(text s, size_t ls, text p, size_t lp) {
  enum { SHORT = 8, TRIES = 16 };
  text end = s + ls;
  if (lp == 0)
    return s;
  if (lp > SHORT)
    return memmem(s, ls, p, lp);
  for (int i = 0; (size_t)(end - s) >= lp; i++, s++) {
    if (i == TRIES)
      return memmem(s, (size_t)(end - s), p, lp);
    s = memchr(s, *p, (size_t)(end - s) - lp + 1);
    if (!s || memcmp(s, p, lp) == 0)
      return s;
  }
  return NULL;
}

static int find_plain(lua_State *L, text s, size_t ls, size_t init, text p,
                      size_t lp) {
  text at = search_plain(s + init, ls - init, p, lp);
  if (!at) {
    luaL_pushfail(L);
    return 1;
  }
  lua_pushinteger(L, at - s + 1);
  lua_pushinteger(L, at - s + (lua_Integer)lp);
  return 2;
}

static int find_or_match(lua_State *L, bool find) {
  size_t ls, lp;
  text s = (text)luaL_checklstring(L, 1, &ls);
  text p = (text)luaL_checklstring(L, 2, &lp);
  size_t init = check_init(L, ls);
  if (init > ls) {
    luaL_pushfail(L);
    return 1;
  }
  if (find && (lua_toboolean(L, 4) || !lab_pattern_is_special(p, lp)))
    return find_plain(L, s, ls, init, p, lp);
  lab_pattern m;
  lab_pattern_begin(&m, L, s, ls, p, lp, true);
  m.may_pause = lab_vm_of(L) != NULL;
  lab_pattern_restart(&m, s + init);
  lab_pattern_result r = lab_pattern_search(&m);
  if (r == LAB_PATTERN_PAUSED)
    return pause_match(&m, find, go_on_matching);
  return push_match(&m, r, find);
}

static int string_find(lua_State *L) {
  return find_or_match(L, true);
}

static int string_match(lua_State *L) {
  return find_or_match(L, false);
}

/* ---- gmatch -------------------------------------------------------------- */

/* An upvalue of its iterator; the first two keep the strings alive. */
enum { PROGRESS = 3 };
typedef struct progress {
  text s, p;
  size_t ls, lp;
  text next; /* where the next search begins; NULL: there is none */
  text last; /* the end of the last match */
} progress;

static int go_on_iterating(lua_State *L, int status, lua_KContext ctx);

/* Searches on, from where M is; PAUSED: M is the copy on the stack. */
static int iterate_matches(lua_State *L, lab_pattern *m, bool paused) {
  progress *g = lua_touserdata(L, lua_upvalueindex(PROGRESS));
  for (;;) {
    lab_pattern_result r = lab_pattern_search(m);
    if (r == LAB_PATTERN_PAUSED)
      return paused ? lab_lua_make_way(L, 0, go_on_iterating)
                    : pause_match(m, 0, go_on_iterating);
    if (r == LAB_PATTERN_MATCHED && m->s != g->last) {
      g->next = g->last = m->s;
      return push_captures(m, true);
    }
    if (r == LAB_PATTERN_FAILED || m->from == m->end) {
      g->next = NULL;
      return 0;
    }
    lab_pattern_restart(m, m->from + 1);
  }
}

static int go_on_iterating(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return iterate_matches(L, get_paused(L), true);
}

static int next_match(lua_State *L) {
  const progress *g = lua_touserdata(L, lua_upvalueindex(PROGRESS));
  if (!g->next)
    return 0;
  lab_pattern m;
  lab_pattern_begin(&m, L, g->s, g->ls, g->p, g->lp, false);
  m.may_pause = lab_vm_of(L) != NULL;
  lab_pattern_restart(&m, g->next);
  return iterate_matches(L, &m, false);
}

static int string_gmatch(lua_State *L) {
  size_t ls, lp;
  text s = (text)luaL_checklstring(L, 1, &ls);
  text p = (text)luaL_checklstring(L, 2, &lp);
  size_t init = check_init(L, ls);
  lua_settop(L, 2);
  progress *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (progress){s, p, ls, lp, init > ls ? NULL : s + init, NULL};
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

/* ---- gsub ---------------------------------------------------------------- */

static void add_replacement_string(const lab_pattern *m, luaL_Buffer *b) {
  size_t n;
  lua_State *L = m->L;
  text r = (text)lua_tolstring(L, 3, &n), end = r + n;
  for (;;) {
    text q = memchr(r, '%', (size_t)(end - r));
    luaL_addlstring(b, (const char *)r, (size_t)((q ? q : end) - r));
    if (!q)
      return;
    int c = q[1];
    if (c == '%') {
      luaL_addchar(b, '%');
    } else if (c == '0') {
      luaL_addlstring(b, (const char *)m->from, (size_t)(m->s - m->from));
    } else if (isdigit(c)) {
      push_capture(m, c - '1');
      luaL_tolstring(L, -1, NULL);
      lua_remove(L, -2);
      luaL_addvalue(b);
    } else {
      luaL_error(L, "invalid use of '%c' in replacement string", '%');
    }
    r = q + 2;
  }
}

/* Adds what replaces the match. False: the match itself. */
static bool add_replacement(const lab_pattern *m, luaL_Buffer *b, int type) {
  lua_State *L = m->L;
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    lua_call(L, push_captures(m, true), 1);
  } else if (type == LUA_TTABLE) {
    push_capture(m, 0);
    lua_gettable(L, 3);
  } else {
    add_replacement_string(m, b);
    return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(b, (const char *)m->from, (size_t)(m->s - m->from));
    return false;
  }
  if (!lua_isstring(L, -1))
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(b);
  return true;
}

/* Replaces MOST matches of M, which is at the subject's beginning. Returns how
 * many; *COPIED is the end of the last one. */
static lua_Integer replace_matches(lab_pattern *m, luaL_Buffer *b, int type,
                                   lua_Integer most, text *copied,
                                   bool *changed) {
  text last = NULL, at = m->begin;
  lua_Integer n = 0;
  while (n < most && at) {
    lab_lua_check_cancelled(m->L);
    lab_pattern_restart(m, at);
    if (lab_pattern_search(m) != LAB_PATTERN_MATCHED)
      break;
    if (m->s != last) {
      luaL_addlstring(b, (const char *)*copied, (size_t)(m->from - *copied));
      n++;
      *changed |= add_replacement(m, b, type);
      at = *copied = last = m->s;
    } else {
      at = m->from < m->end ? m->from + 1 : NULL;
    }
    if (m->anchored)
      break;
  }
  return n;
}

static int string_gsub(lua_State *L) {
  size_t ls, lp;
  text s = (text)luaL_checklstring(L, 1, &ls);
  text p = (text)luaL_checklstring(L, 2, &lp);
  int type = lua_type(L, 3);
  lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)ls + 1);
  luaL_argexpected(L,
                   type == LUA_TNUMBER || type == LUA_TSTRING ||
                       type == LUA_TFUNCTION || type == LUA_TTABLE,
                   3, "string/function/table");
  lab_pattern m;
  lab_pattern_begin(&m, L, s, ls, p, lp, true);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  text copied = s;
  bool changed = false;
  lua_Integer n = replace_matches(&m, &b, type, most, &copied, &changed);
  if (!changed) {
    lua_pushvalue(L, 1);
  } else {
    luaL_addlstring(&b, (const char *)copied, (size_t)(m.end - copied));
    luaL_pushresult(&b);
  }
  lua_pushinteger(L, n);
  return 2;
}

/* ---- rep ----------------------------------------------------------------- */

/* OUT begins with a unit of so many bytes; it is repeated until SIZE bytes are
 * there. What is there is doubled, but not by more than CHECK_BYTES at once. */
static void repeat_beginning(lua_State *L, char *out, size_t unit,
                             size_t size) {
  size_t most = unit < CHECK_BYTES ? CHECK_BYTES - CHECK_BYTES % unit : unit;
  for (size_t filled = unit; filled < size;) {
    size_t n = filled < most ? filled : most;
    if (n > size - filled)
      n = size - filled;
    memcpy(out + filled, out, n);
    filled += n;
    if (n == most)
      lab_lua_look_around(L);
  }
}

static int string_rep(lua_State *L) {
  size_t len, lsep, size;
  const char *s = luaL_checklstring(L, 1, &len);
  lua_Integer n = luaL_checkinteger(L, 2);
  const char *sep = luaL_optlstring(L, 3, "", &lsep);
  if (n <= 0 || len + lsep == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (len + lsep > (size_t)INT_MAX / (size_t)n)
    return luaL_error(L, "resulting string too large");
  size = (size_t)n * len + (size_t)(n - 1) * lsep;
  luaL_Buffer b;
  char *out = luaL_buffinitsize(L, &b, size);
  memcpy(out, s, len);
  if (n > 1)
    memcpy(out + len, sep, lsep);
  if (n > 1)
    repeat_beginning(L, out, len + lsep, size);
  luaL_pushresultsize(&b, size);
  return 1;
}

static const luaL_Reg functions[] = {
    {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
    {"gsub", string_gsub}, {"rep", string_rep},     {NULL, NULL},
};

void lab_stringlib_open(lua_State *L) {
  lab_pattern_init();
  lua_getglobal(L, "string");
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
  lab_func_c((const void *)next_match, "string.gmatch", false);
}
