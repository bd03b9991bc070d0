/* SPDX-License-Identifier: MIT
 * See host_files.h. */
#include "scenario/host_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/nearest.h"

static int push_file_failure(lua_State *L, const char *path) {
  return luaL_fileresult(L, 0, path);
}

/* ---- what is closed when Lua raises ---------------------------------------
 */

/* A folder or a file that is being read: a to-be-closed value, so it is closed
 * also when something raises meanwhile. */
typedef struct reading {
  DIR *dir;
  FILE *file;
} reading;

static const char READING[] = "lab.reading";

static int close_reading(lua_State *L) {
  reading *r = lua_touserdata(L, 1);
  if (r->dir)
    closedir(r->dir);
  if (r->file)
    fclose(r->file);
  r->dir = NULL;
  r->file = NULL;
  return 0;
}

static reading *push_reading(lua_State *L) {
  reading *r = lua_newuserdatauv(L, sizeof *r, 0);
  r->dir = NULL;
  r->file = NULL;
  if (luaL_newmetatable(L, READING)) {
    lua_pushcfunction(L, close_reading);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, close_reading);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_toclose(L, -1);
  return r;
}

/* ---- host's functions -----------------------------------------------------
 */

static int host_scan(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  reading *r = push_reading(L);
  r->dir = opendir(path);
  if (!r->dir)
    return push_file_failure(L, path);
  lua_newtable(L);
  lua_Integer n = 0;
  for (struct dirent *e; (e = readdir(r->dir));) {
    lua_pushstring(L, e->d_name);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static int host_read(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat st;
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
    errno = EISDIR;
    return push_file_failure(L, path);
  }
  reading *r = push_reading(L);
  r->file = fopen(path, "re");
  if (!r->file)
    return push_file_failure(L, path);
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (size_t n = 1; n > 0;) {
    n = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, r->file);
    luaL_addsize(&text, n);
  }
  luaL_pushresult(&text);
  return 1;
}

static int host_realpath(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  char full[PATH_MAX];
  if (!realpath(path, full))
    return push_file_failure(L, path);
  lua_pushstring(L, full);
  return 1;
}

static int host_did_you_mean(lua_State *L) {
  enum { KNOWN_MAX = 256 };
  const char *known[KNOWN_MAX];
  const char *word = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING && n < KNOWN_MAX)
      known[n++] = lua_tostring(L, -2); /* the table's key keeps it alive */
  const char *meant = lab_nearest(word, known, n);
  if (meant)
    lua_pushfstring(L, "; did you mean '%s'?", meant);
  else
    lua_pushliteral(L, "");
  return 1;
}

/* Lua's buffer gets room for the longest result first: if making room raises,
 * the lab_buf has no memory yet that would be lost. */
static int host_json_string(lua_State *L) {
  enum { LONGEST_ESCAPE = 6 };
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  luaL_Buffer result;
  char *room = luaL_buffinitsize(L, &result, LONGEST_ESCAPE * len + 2);
  lab_buf json = LAB_BUF_INIT;
  lab_buf_json_string(&json, text, len);
  size_t written = json.len;
  memcpy(room, json.data, written);
  lab_buf_free(&json);
  luaL_pushresultsize(&result, written);
  return 1;
}

const luaL_Reg lab_host_files[] = {
    {"scan", host_scan},
    {"read", host_read},
    {"realpath", host_realpath},
    {"did_you_mean", host_did_you_mean},
    {"json_string", host_json_string},
    {NULL, NULL},
};

void lab_host_push_strings(lua_State *L, const char *const *list, size_t n) {
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_pushstring(L, list[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}
