/* SPDX-License-Identifier: MIT
 * See files.h. */
#include "kit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/paths.h"
#include "base/plain.h"
#include "base/write_all.h"
#include "diagnosis/progress.h"
#include "diagnosis/standing.h"
#include "diagnosis/upload.h"
#include "scenario/host_files.h"

/* Texts quote what files, answers and other programs say: they are made plain.
 */
static int write_out(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lab_plain_write(stdout, text, len);
  return 0;
}

/* What was printed before comes before it, also where both go to one file. */
static int write_err(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  fflush(stdout);
  lab_plain_write(stderr, text, len);
  return 0;
}

static int write_live(lua_State *L) {
  fflush(stdout);
  fputs("\r\033[K", stderr);
  return write_err(L);
}

static int is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty(STDERR_FILENO));
  return 1;
}

static int push_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)lab_clock_mono() / 1e9);
  return 1;
}

static int make_folder(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  return luaL_fileresult(L, mkdir(path, 0777) == 0, path);
}

static bool is_regular_file(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* A file that couldn't be written whole is removed; a device (/dev/full) or a
 * FIFO stays. */
static int write_with(lua_State *L, int flags) {
  size_t len;
  const char *path = luaL_checkstring(L, 1);
  const char *text = luaL_checklstring(L, 2, &len);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
  if (fd < 0)
    return luaL_fileresult(L, 0, path);
  int error = -lab_write_all(fd, text, len);
  bool removable = is_regular_file(fd);
  if (close(fd) < 0 && error == 0)
    error = errno;
  if (error && removable)
    unlink(path);
  errno = error;
  return luaL_fileresult(L, error == 0, path);
}

static int write_new(lua_State *L) {
  return write_with(L, O_EXCL);
}

static int write_over(lua_State *L) {
  return write_with(L, O_TRUNC);
}

static int read_bytes(lua_State *L) {
  return lab_host_read_file(L, luaL_checkstring(L, 1), LAB_UPLOAD_BYTES);
}

static int make_link(lua_State *L) {
  const char *target = luaL_checkstring(L, 1);
  const char *path = luaL_checkstring(L, 2);
  return luaL_fileresult(L, symlink(target, path) == 0, path);
}

static int push_progress_folder(lua_State *L) {
  char path[PATH_MAX];
  if (lab_progress_find_folder(path))
    lua_pushstring(L, path);
  else
    lua_pushnil(L);
  return 1;
}

static int push_own_folder(lua_State *L) {
  char path[PATH_MAX];
  if (lab_paths_find(luaL_checkstring(L, 1), path))
    lua_pushstring(L, path);
  else
    lua_pushnil(L);
  return 1;
}

static int read_kit_progress(lua_State *L) {
  lab_buf sums = LAB_BUF_INIT;
  lab_err err;
  lab_standing *s = lab_standing_new(luaL_checkstring(L, 1));
  int rc = lab_standing_write(s, &sums, &err);
  lab_standing_free(s);
  if (rc) {
    luaL_pushfail(L);
    lua_pushstring(L, err.text);
    return 2;
  }
  lua_pushlstring(L, sums.data, sums.len);
  lab_buf_free(&sums);
  return 1;
}

/* Adds EVENT to the progress in the folder that is the first argument. */
static int add_kit_progress(lua_State *L, const lab_progress_event *event) {
  enum { PATIENCE_MS = 10000 }; /* with a lab whose disk is slow */
  lab_progress *p = lab_progress_new(luaL_checkstring(L, 1), PATIENCE_MS);
  int rc = lab_progress_add(p, event);
  lab_progress_free(p);
  if (rc == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  luaL_pushfail(L);
  lua_pushfstring(L, "can't write to %s: %s", lua_tostring(L, 1),
                  lab_progress_fault(rc));
  return 2;
}

static int reset_kit_progress(lua_State *L) {
  int step = (int)luaL_checkinteger(L, 2);
  return add_kit_progress(L,
                          &(lab_progress_event){.what = "reset", .step = step});
}

static int note_kit_repair(lua_State *L) {
  int step = (int)luaL_checkinteger(L, 2);
  const char *verdict = luaL_checkstring(L, 3);
  return add_kit_progress(L, &(lab_progress_event){.what = "repair",
                                                   .step = step,
                                                   .verdict = verdict});
}

const luaL_Reg lab_kit_files[] = {
    {"out", write_out},
    {"err", write_err},
    {"live", write_live},
    {"is_terminal", is_terminal},
    {"now", push_now},
    {"make_folder", make_folder},
    {"write_new", write_new},
    {"write_over", write_over},
    {"read_bytes", read_bytes},
    {"link", make_link},
    {"own_folder", push_own_folder},
    {"progress_folder", push_progress_folder},
    {"read_progress", read_kit_progress},
    {"reset_progress", reset_kit_progress},
    {"note_repair", note_kit_repair},
    {NULL, NULL},
};
