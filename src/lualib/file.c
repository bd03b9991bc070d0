/* SPDX-License-Identifier: MIT
 * See file.h.
 *
 * While calls are under way on a file its descriptor stays open. A close in the
 * meantime forbids new calls, and the last of the old ones closes the
 * descriptor. So no worker ever writes to a number that has become another
 * file's. */
#include "lualib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lualib/class.h"
#include "lualib/failure.h"
#include "prim/file.h"
#include "resources/fds.h"
#include "resources/owned.h"
#include "resources/temp.h"
#include "stack/frame.h"
#include "vm/vm.h"
#include "vm/worker_job.h"

static const char FILE_CLASS[] = "lab.File";
enum { READ_MAX = 1 << 30 };

typedef struct file { /* user value 1: its path */
  lab_owned owned;
  lab_vm *vm;
  int fd;         /* -1: not open (yet, or any more) */
  unsigned users; /* calls under way */
  bool closing;   /* no new calls; the last one that ends closes it */
} file;

/* A call, for the worker that does it. It is on the stack of its task, as is
 * all that it points to. */
typedef struct call {
  lab_lua_job job;
  file *f;           /* or NULL */
  lab_temp *temp;    /* or NULL */
  const char *what;  /* "open", for messages */
  const char *given; /* the path in messages; open: of the script */
  const char *dir;   /* temp_file: in which folder, checked; or NULL */
  const char *home;  /* open: the scenario's folder */
  int flags;         /* open */
  void *data;        /* read, write: n bytes */
  size_t n;
  ssize_t result; /* -ECANCELED: not run */
  char path[];    /* that is opened; or a template */
} call;

/* ---- File objects -------------------------------------------------------- */

static void shut_file(file *f) {
  if (f->fd >= 0) {
    lab_fd_closing(f->vm, f->fd);
    close(f->fd);
    f->fd = -1;
  }
  lab_owned_remove(&f->owned);
}

/* At the end of the VM no call will come back, so nothing has to wait. */
static void close_soon(file *f) {
  f->closing = true;
  if (f->users == 0 || !f->vm->workers)
    shut_file(f);
}

static void reclaim_file(lab_owned *o) {
  close_soon(LAB_CONTAINER(o, file, owned));
}

static file *new_file(lua_State *L) {
  if (!lab_vm_of(L)->running)
    luaL_error(L, "no task runs that could open a file");
  file *f = lua_newuserdatauv(L, sizeof *f, 1);
  memset(f, 0, sizeof *f);
  f->vm = lab_vm_of(L);
  f->fd = -1;
  lab_list_init(&f->owned.link);
  luaL_setmetatable(L, FILE_CLASS);
  return f;
}

static const char *get_file_path(lua_State *L, int arg) {
  lua_getiuservalue(L, arg, 1);
  const char *path = lua_tostring(L, -1);
  lua_pop(L, 1); /* the object keeps it */
  return path;
}

/* ---- calls --------------------------------------------------------------- */

/* Pushes a call; PATH (may be NULL) is copied into it. */
static call *new_call(lua_State *L, const char *what, void (*run)(lab_job *),
                      const char *path) {
  size_t room = path ? strlen(path) + 1 : 0;
  call *c = lua_newuserdatauv(L, sizeof *c + room, 0);
  memset(c, 0, sizeof *c);
  if (path)
    memcpy(c->path, path, room);
  c->job.base.run = run;
  c->what = what;
  c->given = c->path;
  c->result = -ECANCELED;
  return c;
}

static call *get_call(lab_job *base) {
  return LAB_CONTAINER(base, call, job.base);
}

static int push_call_failure(lua_State *L, const call *c) {
  return lab_lua_failure(L, c->what, c->given, (int)c->result);
}

/* The first argument of a method, if it is open; else pushes what the method is
 * to return, and returns NULL. */
static file *check_open(lua_State *L, const char *what) {
  file *f = luaL_checkudata(L, 1, FILE_CLASS);
  if (f->fd >= 0 && !f->closing)
    return f;
  lab_lua_failure(L, what, get_file_path(L, 1), -EBADF);
  return NULL;
}

static int begin_call(lua_State *L, call *c, file *f, lua_KFunction done) {
  c->f = f;
  c->given = get_file_path(L, 1);
  f->users++;
  return lab_lua_run_job(L, &c->job, (lua_KContext)c, done);
}

/* For a continuation: the call has ended. */
static call *take_finished(lua_State *L, lua_KContext ctx) {
  call *c = (call *)ctx;
  if (--c->f->users == 0 && c->f->closing)
    shut_file(c->f);
  lab_lua_check_cancelled(L);
  return c;
}

/* ---- opening ------------------------------------------------------------- */

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
  call *c = get_call(base);
  char full[PATH_MAX];
  bool reads = (c->flags & O_ACCMODE) == O_RDONLY;
  c->result = locate_path(c, c->path, reads ? c->home : NULL, full);
  if (c->result == 0)
    c->result = lab_file_open(full, c->flags | O_NOFOLLOW);
}

static int prepare_temp(const call *c) {
  char full[PATH_MAX];
  int rc = lab_temp_make(c->temp);
  if (rc || !c->dir)
    return rc;
  return locate_path(c, c->dir, NULL, full);
}

static void run_temp_file(lab_job *base) {
  call *c = get_call(base);
  c->result = prepare_temp(c);
  if (c->result == 0)
    c->result = lab_file_open_temp(c->path);
}

static void run_temp_dir(lab_job *base) {
  call *c = get_call(base);
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
  if (f->fd < 0 || f->closing || f->vm->running->base.cancelled)
    shut_file(f);
  lab_lua_check_cancelled(L);
  if (c->result < 0)
    return push_call_failure(L, c);
  lua_pushstring(L, c->path);
  lua_setiuservalue(L, -3, 1);
  lua_pop(L, 1);
  return 1;
}

/* File and call are on top of the stack. No descriptor was taken before they
 * were made, so nothing is lost if one of the two could not be made. */
static int open_file(lua_State *L, call *c, file *f) {
  if (!lab_fd_take(f->vm)) {
    c->result = -EMFILE;
    return push_call_failure(L, c);
  }
  c->f = f;
  c->temp = lab_temp_use(f->vm);
  f->users = 1;
  lab_owned_add(f->vm, &f->owned, "file", reclaim_file);
  return lab_lua_run_job(L, &c->job, (lua_KContext)c, finish_open);
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

/* lab.open(path[, mode]). Upvalue: the scenario's folder. */
static int file_open(lua_State *L) {
  const char *home = lua_tostring(L, lua_upvalueindex(1));
  const char *given = check_path(L, 1);
  int flags = check_mode(L, 2);
  const char *path =
      given[0] == '/' ? given : lua_pushfstring(L, "%s/%s", home, given);
  file *f = new_file(L);
  call *c = new_call(L, "open", run_open, path);
  c->given = given;
  c->home = home;
  c->flags = flags;
  return open_file(L, c, f);
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

/* lab.temp_file([dir[, prefix]]) */
static int file_temp_file(lua_State *L) {
  const char *dir = lua_isnoneornil(L, 1) ? NULL : check_path(L, 1);
  const char *prefix = luaL_optstring(L, 2, "file-");
  luaL_argcheck(L, !strchr(prefix, '/'), 2, "pattern contains path separator");
  const char *template = push_template(L, dir, prefix);
  const char *shown = lua_tostring(L, -2);
  file *f = new_file(L);
  call *c = new_call(L, "open", run_temp_file, template);
  c->dir = dir;
  c->given = shown;
  return open_file(L, c, f);
}

static int finish_temp_dir(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = (call *)ctx;
  lab_temp_unuse(c->temp);
  lab_lua_check_cancelled(L);
  if (c->result < 0)
    return push_call_failure(L, c);
  lua_pushstring(L, c->path);
  return 1;
}

/* lab.temp_dir() */
static int file_temp_dir(lua_State *L) {
  if (!lab_vm_of(L)->running)
    return luaL_error(L, "no task runs that could make a folder");
  const char *template = push_template(L, NULL, "dir-");
  const char *shown = lua_tostring(L, -2);
  call *c = new_call(L, "mkdir", run_temp_dir, template);
  c->given = shown;
  c->temp = lab_temp_use(lab_vm_of(L));
  return lab_lua_run_job(L, &c->job, (lua_KContext)c, finish_temp_dir);
}

/* ---- methods ------------------------------------------------------------- */

static void run_read(lab_job *base) {
  call *c = get_call(base);
  c->result = lab_file_read(c->f->fd, c->data, c->n);
}

static int finish_read(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = take_finished(L, ctx);
  if (c->result < 0)
    return push_call_failure(L, c);
  if (c->result > 0) {
    lua_pushlstring(L, c->data, (size_t)c->result);
    return 1;
  }
  luaL_pushfail(L);
  lua_pushliteral(L, "EOF");
  lua_pushinteger(L, 0);
  return 3;
}

/* f:read(n) */
static int file_read(lua_State *L) {
  file *f = check_open(L, "read");
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n > 0 && n <= READ_MAX, 2, "1 to 2^30 bytes can be read");
  if (!f)
    return 3;
  void *data = lua_newuserdatauv(L, (size_t)n, 0);
  call *c = new_call(L, "read", run_read, NULL);
  c->data = data;
  c->n = (size_t)n;
  return begin_call(L, c, f, finish_read);
}

static void run_write(lab_job *base) {
  call *c = get_call(base);
  c->result = lab_file_write(c->f->fd, c->data, c->n);
}

static int finish_write(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = take_finished(L, ctx);
  if (c->result < 0)
    return push_call_failure(L, c);
  lua_pushinteger(L, (lua_Integer)c->result);
  return 1;
}

/* f:write(s): the string stays on the stack meanwhile. */
static int file_write(lua_State *L) {
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  file *f = check_open(L, "write");
  if (!f)
    return 3;
  call *c = new_call(L, "write", run_write, NULL);
  c->data = (void *)bytes;
  c->n = n;
  return begin_call(L, c, f, finish_write);
}

static void run_sync(lab_job *base) {
  call *c = get_call(base);
  c->result = lab_file_sync(c->f->fd);
}

/* sync and close: true */
static int push_success(lua_State *L, const call *c) {
  if (c->result < 0)
    return push_call_failure(L, c);
  lua_pushboolean(L, 1);
  return 1;
}

static int finish_sync(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  return push_success(L, take_finished(L, ctx));
}

static int file_sync(lua_State *L) {
  file *f = check_open(L, "sync");
  if (!f)
    return 3;
  return begin_call(L, new_call(L, "sync", run_sync, NULL), f, finish_sync);
}

/* The file is closing, and this is its last call: nothing else uses it. */
static void run_close(lab_job *base) {
  call *c = get_call(base);
  int fd = c->f->fd;
  c->f->fd = -1;
  lab_fd_closing(c->f->vm, fd);
  c->result = lab_file_close(fd);
}

static int finish_close(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = (call *)ctx;
  if (c->result == -ECANCELED)
    run_close(&c->job.base);
  return push_success(L, take_finished(L, ctx));
}

/* The call is made before the file is looked at: if there is no memory for it,
 * the file stays open. */
static int file_close(lua_State *L) {
  luaL_checkudata(L, 1, FILE_CLASS);
  call *c = new_call(L, "close", run_close, NULL);
  file *f = check_open(L, "close");
  if (!f)
    return 3;
  f->closing = true;
  if (f->users > 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  return begin_call(L, c, f, finish_close);
}

static int file_path(lua_State *L) {
  luaL_checkudata(L, 1, FILE_CLASS);
  lua_getiuservalue(L, 1, 1);
  return 1;
}

/* The file is collected, or a <close> variable ends: it is closed at once. */
static int file_gc(lua_State *L) {
  close_soon(luaL_checkudata(L, 1, FILE_CLASS));
  return 0;
}

static int file_tostring(lua_State *L) {
  file *f = luaL_checkudata(L, 1, FILE_CLASS);
  bool is_open = !f->closing && f->fd >= 0;
  lua_pushfstring(L, "File (%s%s)", get_file_path(L, 1),
                  is_open ? "" : ", closed");
  return 1;
}

static const luaL_Reg file_methods[] = {
    {"read", file_read},   {"write", file_write}, {"sync", file_sync},
    {"close", file_close}, {"path", file_path},   {NULL, NULL},
};

static const luaL_Reg file_metamethods[] = {
    {"__gc", file_gc},
    {"__close", file_gc},
    {"__tostring", file_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"temp_dir", file_temp_dir},
    {"temp_file", file_temp_file},
    {NULL, NULL},
};

void lab_lib_file(lua_State *L) {
  lab_lua_new_class(L, FILE_CLASS, file_methods, file_metamethods);
  luaL_setfuncs(L, functions, 0);
  lab_func_c((const void *)file_open, "lab.open", false);
}
