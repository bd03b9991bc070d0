/* SPDX-License-Identifier: MIT
 * See host_files.h. */
#include "scenario/host_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "scenario/data_file.h"
#include "scenario/owner.h"
#include "scenario/parts.h"

enum { TEXT_MAX = 1 << 20 }; /* bytes, of a file of Lua code */

/* What ERROR means to somebody who looks for a scenario: it isn't there, it
 * can't be read now ("shortage"), or it can't be read at all ("fault"). */
static const char *name_failure(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return "missing";
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    return "shortage";
  default:
    return "fault";
  }
}

/* Pushes nil, a message, and what kind of failure errno is. */
static int push_file_failure(lua_State *L, const char *path) {
  int error = errno;
  luaL_pushfail(L);
  lua_pushfstring(L, "%s: %s", path, strerror(error));
  lua_pushstring(L, name_failure(error));
  return 3;
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
  reading *r = lab_push_owner(L, sizeof *r, 0, READING, close_reading, NULL);
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
  errno = 0;
  for (struct dirent *e; (e = readdir(r->dir)); errno = 0) {
    lua_pushstring(L, e->d_name);
    lua_rawseti(L, -2, ++n);
  }
  return errno ? push_file_failure(L, path) : 1;
}

/* host.exists: also what can't be read is there, and a link to nothing. */
static int host_exists(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat st;
  if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
    return push_file_failure(L, path);
  lua_pushboolean(L, 1);
  return 1;
}

static const char *name_file_type(mode_t mode) {
  return S_ISFIFO(mode)   ? "a named pipe"
         : S_ISSOCK(mode) ? "a socket"
                          : "a device";
}

/* Pushes nil and a message; a large limit is told in MiB. SIZE 0: it isn't
 * known. */
static int push_too_large(lua_State *L, const char *path, size_t most,
                          off_t size) {
  luaL_pushfail(L);
  if (most > TEXT_MAX)
    lua_pushfstring(L, "%s: it has more than %d MiB", path, (int)(most >> 20));
  else if (size > 0)
    lua_pushfstring(L, "%s: it has %I bytes; %d are the most", path,
                    (LUAI_UACINT)size, (int)most);
  else
    lua_pushfstring(L, "%s: it has more than %d bytes", path, (int)most);
  return 2;
}

/* Pushes nil and a message if what ST describes isn't a file that can be read
 * from begin to end: a pipe would make the reader wait, /dev/zero has no end.
 * Returns how many values it has pushed. */
static int push_unfit(lua_State *L, const char *path, size_t most,
                      const struct stat *st) {
  if (S_ISDIR(st->st_mode)) {
    errno = EISDIR;
    return push_file_failure(L, path);
  }
  if (S_ISREG(st->st_mode))
    return (uintmax_t)st->st_size <= most
               ? 0
               : push_too_large(L, path, most, st->st_size);
  luaL_pushfail(L);
  lua_pushfstring(L, "%s: it is %s; a regular file is wanted", path,
                  name_file_type(st->st_mode));
  return 2;
}

/* Opens PATH for R. It is looked at twice: to open a device may have effects,
 * and what PATH names may be another file meanwhile. O_NONBLOCK: a pipe that it
 * has become would make open wait. Returns the number of values that it has
 * pushed: 0, or nil and a message. */
static int open_regular(lua_State *L, const char *path, size_t most,
                        reading *r) {
  struct stat st;
  if (stat(path, &st) < 0)
    return push_file_failure(L, path);
  int pushed = push_unfit(L, path, most, &st);
  if (pushed > 0)
    return pushed;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return push_file_failure(L, path);
  r->file = fdopen(fd, "r");
  if (!r->file) {
    int error = errno;
    close(fd);
    errno = error;
    return push_file_failure(L, path);
  }
  return fstat(fd, &st) < 0 ? push_file_failure(L, path)
                            : push_unfit(L, path, most, &st);
}

/* Some editors begin a file with U+FEFF, which isn't Lua. The text is at the
 * top of the stack. */
static void drop_byte_order_mark(lua_State *L) {
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  if (len < 3 || memcmp(text, "\xEF\xBB\xBF", 3) != 0)
    return;
  lua_pushlstring(L, text + 3, len - 3);
  lua_replace(L, -2);
}

/* A file may grow while it is read, and some of /proc say that they have 0
 * bytes: so what was read is counted, too. */
int lab_host_read_file(lua_State *L, const char *path, size_t most) {
  reading *r = push_reading(L);
  int failed = open_regular(L, path, most, r);
  if (failed)
    return failed;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  size_t size = 0;
  for (size_t n = 1; n > 0 && size <= most; size += n) {
    n = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, r->file);
    luaL_addsize(&text, n);
  }
  bool failed_midway = ferror(r->file);
  int error = errno;
  luaL_pushresult(&text);
  errno = error;
  if (failed_midway)
    return push_file_failure(L, path);
  return size > most ? push_too_large(L, path, most, 0) : 1;
}

static int host_read(lua_State *L) {
  int n = lab_host_read_file(L, luaL_checkstring(L, 1), TEXT_MAX);
  if (n == 1)
    drop_byte_order_mark(L);
  return n;
}

static int host_realpath(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  char full[PATH_MAX];
  if (!realpath(path, full))
    return push_file_failure(L, path);
  lua_pushstring(L, full);
  return 1;
}

/* KNOWN may be a script's table, with any number of keys. */
static int host_did_you_mean(lua_State *L) {
  enum { KNOWN_MAX = 256, LOOKED_MAX = 1000 };
  const char *known[KNOWN_MAX];
  const char *word = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t n = 0, looked = 0;
  lua_pushnil(L);
  for (; looked < LOOKED_MAX && lua_next(L, 2); looked++, lua_pop(L, 1))
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
    {"exists", host_exists},
    {"read", host_read},
    {"realpath", host_realpath},
    {"did_you_mean", host_did_you_mean},
    {"json_string", host_json_string},
    {"data", lab_host_data},
    {"part", lab_host_part},
    {NULL, NULL},
};

void lab_host_push_strings(lua_State *L, const char *const *list, size_t n) {
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_pushstring(L, list[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}
