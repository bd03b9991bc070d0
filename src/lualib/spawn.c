/* SPDX-License-Identifier: MIT
 * See spawn.h. */
#include "lualib/spawn.h"

#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lualib/suggest.h"

enum { ARGS_MAX = 1000, IN = 0, OUT, ERR };

/* ---- checking ------------------------------------------------------------ */

static const char *const options[] = {"stdin", "stdout", "stderr", "input",
                                      "reap"};
enum { OPTIONS = sizeof options / sizeof *options };

/* Pushes the value of the option NAME in the table at ARG, and returns its
 * type. No code of the scenario's runs: it could change the words that were
 * checked.
 */
static int push_option(lua_State *L, int arg, const char *name) {
  lua_pushstring(L, name);
  return lua_rawget(L, arg);
}

/* Options in the list of words would be overlooked. */
static void check_no_options(lua_State *L) {
  for (size_t i = 0; i < OPTIONS; i++)
    if (push_option(L, 1, options[i]) != LUA_TNIL)
      luaL_error(L, "lab.spawn has its options in a second table, also '%s'",
                 options[i]);
  lua_pop(L, OPTIONS);
  lab_lua_check_keys(L, 1, "lab.spawn has no option", options, OPTIONS);
}

static int check_argv(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  check_no_options(L);
  lua_Integer n = luaL_len(L, 1);
  luaL_argcheck(L, n >= 1 && n <= ARGS_MAX, 1, "a list of 1 to 1000 words");
  for (lua_Integer i = 1; i <= n; i++) {
    luaL_argcheck(L, lua_rawgeti(L, 1, i) == LUA_TSTRING, 1,
                  "words are strings");
    lua_pop(L, 1);
  }
  return (int)n;
}

/* Whether the option NAME is WORD (OTHER: if that is given, it may be that,
 * too), and not missing. */
static bool check_word_option(lua_State *L, const char *name, const char *word,
                              const char *other) {
  if (push_option(L, 2, name) == LUA_TNIL)
    return false;
  const char *given = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  bool is_word = strcmp(given, word) == 0;
  if (!is_word && !(other && strcmp(given, other) == 0))
    luaL_error(L, "%s must be \"%s\"%s%s%s, or missing", name, word,
               other ? " or \"" : "", other ? other : "", other ? "\"" : "");
  return is_word;
}

static void check_input(lua_State *L, lab_lua_wishes *w) {
  int type = push_option(L, 2, "input");
  if (type == LUA_TNIL)
    return;
  if (type != LUA_TSTRING)
    luaL_error(L, "input must be a string");
  if (w->pipe[IN])
    luaL_error(L, "stdin and input exclude each other");
  w->input = lua_tolstring(L, -1, &w->input_size);
  w->pipe[IN] = w->input_size > 0; /* else it is /dev/null */
}

static void check_reap(lua_State *L, lab_lua_wishes *w) {
  int type = push_option(L, 2, "reap");
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    luaL_error(L, "reap must be true or false");
  w->keeps_end = type == LUA_TBOOLEAN && !lua_toboolean(L, -1);
}

lab_lua_wishes lab_lua_check_wishes(lua_State *L) {
  lab_lua_wishes w = {.words = check_argv(L)};
  lua_settop(L, 2);
  if (lua_isnil(L, 2))
    return w;
  luaL_checktype(L, 2, LUA_TTABLE);
  lab_lua_check_keys(L, 2, "lab.spawn has no option", options, OPTIONS);
  w.pipe[IN] = check_word_option(L, "stdin", "pipe", NULL);
  w.pipe[OUT] = check_word_option(L, "stdout", "pipe", NULL);
  w.pipe[ERR] = check_word_option(L, "stderr", "pipe", "stdout");
  w.err_as_out = !w.pipe[ERR] && !lua_isnil(L, -1);
  check_input(L, &w);
  check_reap(L, &w);
  return w;
}

/* ---- copying ------------------------------------------------------------- */

/* The list was checked, but for zeros in its words: they are looked for in what
 * the step may have, since a list can name one large string a thousand times.
 * NULL if the step may not have a copy, of *SIZE bytes; *SIZE is 0 if a word
 * has zeros. Raises nothing. */
static char **copy_argv(lua_State *L, int n, size_t *size) {
  *size = ((size_t)n + 1) * sizeof(char *);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    *size += lua_rawlen(L, -1) + 1;
    lua_pop(L, 1);
  }
  char **argv = lab_counted_realloc(NULL, 0, *size);
  if (!argv)
    return NULL;
  char *to = (char *)(argv + n + 1);
  for (int i = 0; i < n; i++) {
    size_t len;
    lua_rawgeti(L, 1, i + 1);
    const char *word = lua_tolstring(L, -1, &len);
    argv[i] = memcpy(to, word, len + 1);
    to += len + 1;
    lua_pop(L, 1);
    if (memchr(argv[i], '\0', len)) {
      lab_counted_free(argv, *size);
      *size = 0;
      return NULL;
    }
  }
  argv[n] = NULL;
  return argv;
}

lab_child *lab_lua_new_child(lua_State *L, const lab_lua_wishes *w,
                             size_t *missing) {
  char **argv = copy_argv(L, w->words, missing);
  if (!argv)
    return NULL;
  lab_child *child = lab_xcalloc(1, sizeof *child);
  child->argv = argv;
  child->argv_size = *missing;
  memcpy(child->wants_pipe, w->pipe, sizeof w->pipe);
  child->err_as_out = w->err_as_out;
  child->stays_zombie = w->keeps_end;
  if (w->input_size == 0)
    return child;
  child->input = lab_counted_realloc(NULL, 0, w->input_size);
  child->input_size = *missing = w->input_size;
  if (!child->input) {
    lab_lua_free_child(child);
    return NULL;
  }
  memcpy(child->input, w->input, w->input_size);
  return child;
}

void lab_lua_free_child(lab_child *child) {
  lab_counted_free(child->argv, child->argv_size);
  lab_counted_free(child->input, child->input_size);
  lab_xfree(child);
}
