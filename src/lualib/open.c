/* SPDX-License-Identifier: MIT
 * See open.h. A worker finds out where a path leads, and so on which disk the
 * file is. */
#include "lualib/open.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "lualib/file_internal.h"
#include "lualib/suggest.h"
#include "prim/file.h"
#include "resources/fds.h"
#include "resources/temp.h"
#include "stack/frame.h"
#include "vm/vm.h"

typedef lab_file_object file;
typedef lab_file_call call;

enum { LATENCY_MAX = 60 };

/* Resolves PATH, which must lie in the step's temporary folder, or (HOME not
 * NULL) in the scenario's. */
static int locate_path(const call *c, const char *path, const char *home,
                       char out[PATH_MAX]) {
  int rc = lab_file_resolve(path, out);
  if (rc)
    return rc;
  bool good = lab_file_is_within(out, lab_temp_path(c->temp)) ||
              (home && lab_file_is_within(out, home));
  return good ? 0 : -EACCES;
}

static void run_open(lab_job *base) {
  call *c = lab_file_call_of(base);
  char full[PATH_MAX];
  bool reads = (c->flags & O_ACCMODE) == O_RDONLY;
  c->result = locate_path(c, c->path, reads ? c->home : NULL, full);
  if (c->result)
    return;
  c->result = lab_file_open(full, c->flags | O_NOFOLLOW);
  c->latency = lab_temp_latency(c->temp, full);
}

static int prepare_temp(call *c) {
  char full[PATH_MAX];
  int rc = lab_temp_make(c->temp);
  if (rc || !c->dir)
    return rc;
  rc = locate_path(c, c->dir, NULL, full);
  if (rc == 0)
    c->latency = lab_temp_latency(c->temp, full);
  return rc;
}

static void run_temp_file(lab_job *base) {
  call *c = lab_file_call_of(base);
  c->result = prepare_temp(c);
  if (c->result == 0)
    c->result = lab_file_open_temp(c->path);
}

static void run_temp_dir(lab_job *base) {
  call *c = lab_file_call_of(base);
  c->result = prepare_temp(c);
  if (c->result == 0)
    c->result = lab_file_make_temp_dir(c->path);
}

/* The File is the second value from the top, below its call. */
static int finish_open(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = (call *)ctx;
  file *f = c->f;
  lab_temp_unuse(c->temp);
  c->result = lab_fd_opened(L, (int)c->result);
  f->users--;
  f->fd = (int)c->result;
  f->latency = c->latency;
  if (f->fd < 0 || f->closing || f->vm->running->base.cancelled)
    lab_file_object_shut(f);
  lab_lua_check_cancelled(L);
  if (c->result < 0)
    return lab_file_call_failure(L, c);
  lua_pushstring(L, c->path);
  lua_setiuservalue(L, -3, 1);
  lua_pop(L, 1);
  return 1;
}

/* File and call are on top of the stack. No descriptor was taken before they
 * were made, so nothing is lost if one of the two could not be made. */
static int open_file(lua_State *L, call *c, file *f, bool is_inline) {
  if (!lab_fd_take(f->vm)) {
    c->result = -EMFILE;
    return lab_file_call_failure(L, c);
  }
  c->f = f;
  c->temp = lab_temp_use(f->vm);
  lab_file_object_begin(f, is_inline);
  return lab_file_call_run(L, c, is_inline, finish_open);
}

static int check_mode(lua_State *L, int arg) {
  static const char *const modes[] = {"r", "r+", "w", "w+", "a", "a+", NULL};
  static const int flags[] = {
      O_RDONLY,
      O_RDWR,
      O_WRONLY | O_CREAT | O_TRUNC,
      O_RDWR | O_CREAT | O_TRUNC,
      O_WRONLY | O_CREAT | O_APPEND,
      O_RDWR | O_CREAT | O_APPEND,
  };
  return flags[luaL_checkoption(L, arg, "r", modes)];
}

/* A path, without zeros in it and not too long. */
static const char *check_path(lua_State *L, int arg) {
  size_t len;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, len > 0 && strlen(path) == len, arg, "not a path");
  luaL_argcheck(L, len < PATH_MAX, arg, "path too long");
  return path;
}

/* The table of options at ARG, which may be missing: whether the file is to be
 * used on the VM's own thread. WHAT has it: "lab.open has no option". */
static bool check_inline(lua_State *L, int arg, const char *what) {
  static const char *const known[] = {"inline"};
  if (lua_isnoneornil(L, arg))
    return false;
  luaL_checktype(L, arg, LUA_TTABLE);
  lab_lua_check_keys(L, arg, what, known, 1);
  lua_getfield(L, arg, "inline");
  if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
    luaL_error(L, "inline must be true or false");
  bool is_inline = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_inline;
}

/* lab.open(path[, mode[, options]]). Upvalue: the scenario's folder. */
static int file_open(lua_State *L) {
  const char *home = lua_tostring(L, lua_upvalueindex(1));
  const char *given = check_path(L, 1);
  int flags = check_mode(L, 2);
  bool is_inline = check_inline(L, 3, "lab.open has no option");
  const char *path =
      given[0] == '/' ? given : lua_pushfstring(L, "%s/%s", home, given);
  file *f = lab_file_object_new(L);
  call *c = lab_file_call_new(L, "open", run_open, path);
  c->given = given;
  c->home = home;
  c->flags = flags;
  return open_file(L, c, f, is_inline);
}

int lab_file_opener(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_pushcclosure(L, file_open, 1);
  return 1;
}

/* Pushes the template DIR/PREFIX-XXXXXX and the name that messages have. */
static const char *push_template(lua_State *L, const char *dir,
                                 const char *prefix) {
  if (!dir) {
    lab_temp *temp = lab_temp_use(lab_vm_of(L));
    dir = lab_temp_path(temp);
    lab_temp_unuse(temp); /* it is removed with the step, but not before */
  }
  lua_pushfstring(L, "%s/%s*", dir, prefix);
  return lua_pushfstring(L, "%s/%sXXXXXX", dir, prefix);
}

/* lab.temp_file([dir[, prefix[, options]]]) */
static int file_temp_file(lua_State *L) {
  const char *dir = lua_isnoneornil(L, 1) ? NULL : check_path(L, 1);
  const char *prefix =
      lua_isnoneornil(L, 2) ? "file-" : lab_lua_check_name(L, 2);
  luaL_argcheck(L, !strchr(prefix, '/'), 2, "pattern contains path separator");
  bool is_inline = check_inline(L, 3, "lab.temp_file has no option");
  const char *template = push_template(L, dir, prefix);
  const char *shown = lua_tostring(L, -2);
  file *f = lab_file_object_new(L);
  call *c = lab_file_call_new(L, "open", run_temp_file, template);
  c->dir = dir;
  c->given = shown;
  return open_file(L, c, f, is_inline);
}

static int finish_temp_dir(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = (call *)ctx;
  if (c->result == 0 && c->latency > 0 &&
      !lab_temp_slow_down(c->temp, c->path, c->latency))
    c->result = -ENOMEM; /* the folder goes with the step */
  lab_temp_unuse(c->temp);
  lab_lua_check_cancelled(L);
  if (c->result < 0)
    return lab_file_call_failure(L, c);
  lua_pushstring(L, c->path);
  return 1;
}

/* The table of options at 1, which may be missing: ns. */
static uint64_t check_latency(lua_State *L) {
  static const char *const known[] = {"latency"};
  if (lua_isnoneornil(L, 1))
    return 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  lab_lua_check_keys(L, 1, "lab.temp_dir has no option", known, 1);
  int type = lua_getfield(L, 1, "latency");
  double seconds = lua_tonumber(L, -1);
  if ((type != LUA_TNIL && type != LUA_TNUMBER) ||
      !(seconds >= 0 && seconds <= LATENCY_MAX))
    luaL_error(L, "latency must be a number of seconds, 0 to %d", LATENCY_MAX);
  return (uint64_t)(seconds * 1e9);
}

/* lab.temp_dir([options]) */
static int file_temp_dir(lua_State *L) {
  uint64_t latency = check_latency(L);
  if (!lab_vm_of(L)->running)
    return luaL_error(L, "no task runs that could make a folder");
  const char *template = push_template(L, NULL, "dir-");
  const char *shown = lua_tostring(L, -2);
  call *c = lab_file_call_new(L, "mkdir", run_temp_dir, template);
  c->given = shown;
  c->latency = latency;
  c->temp = lab_temp_use(lab_vm_of(L));
  return lab_lua_run_job(L, &c->job, (lua_KContext)c, finish_temp_dir);
}

static const luaL_Reg functions[] = {
    {"temp_dir", file_temp_dir},
    {"temp_file", file_temp_file},
    {NULL, NULL},
};

void lab_lib_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  lab_func_c((const void *)file_open, "lab.open", false);
}
