/* SPDX-License-Identifier: MIT
 * See file.h.
 *
 * While calls are under way on a file its descriptor stays open. A close in the
 * meantime forbids new calls, and the last of the old ones closes the
 * descriptor. So no worker ever writes to a number that has become another
 * file's. */
#include "lualib/file.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "lualib/class.h"
#include "lualib/failure.h"
#include "lualib/file_internal.h"
#include "prim/file.h"
#include "resources/fds.h"
#include "vm/vm.h"

typedef lab_file_object file;
typedef lab_file_call call;

static const char FILE_CLASS[] = "lab.File";
enum { READ_MAX = 1 << 30 };

/* ---- File objects -------------------------------------------------------- */

void lab_file_object_shut(file *f) {
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
    lab_file_object_shut(f);
}

static void reclaim_file(lab_owned *o) {
  close_soon(LAB_CONTAINER(o, file, owned));
}

file *lab_file_object_new(lua_State *L) {
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

void lab_file_object_begin(file *f, bool is_inline) {
  f->users = 1;
  f->is_inline = is_inline;
  lab_owned_add(f->vm, &f->owned, "file", reclaim_file);
}

static const char *get_file_path(lua_State *L, int arg) {
  lua_getiuservalue(L, arg, 1);
  const char *path = lua_tostring(L, -1);
  lua_pop(L, 1); /* the object keeps it */
  return path;
}

/* ---- calls --------------------------------------------------------------- */

call *lab_file_call_new(lua_State *L, const char *what, void (*run)(lab_job *),
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

int lab_file_call_failure(lua_State *L, const call *c) {
  return lab_lua_failure(L, c->what, c->given, (int)c->result);
}

int lab_file_call_run(lua_State *L, call *c, bool is_inline,
                      lua_KFunction done) {
  return (is_inline ? lab_lua_run_job_here
                    : lab_lua_run_job)(L, &c->job, (lua_KContext)c, done);
}

/* The first argument of a method, if it is open; else pushes what the method is
 * to return, and returns NULL. */
static file *check_open(lua_State *L, const char *what) {
  file *f = luaL_checkudata(L, 1, FILE_CLASS);
  if (f->fd >= 0 && !f->closing)
    return f;
  lab_lua_failure(L, what, get_file_path(L, 1), LAB_LUA_CLOSED);
  return NULL;
}

static int begin_call(lua_State *L, call *c, file *f, lua_KFunction done) {
  c->f = f;
  c->given = get_file_path(L, 1);
  f->users++;
  return lab_file_call_run(L, c, f->is_inline, done);
}

/* For a continuation: the call has ended. */
static call *take_finished(lua_State *L, lua_KContext ctx) {
  call *c = (call *)ctx;
  if (--c->f->users == 0 && c->f->closing)
    lab_file_object_shut(c->f);
  lab_lua_check_cancelled(L);
  return c;
}

/* ---- methods ------------------------------------------------------------- */

static void run_read(lab_job *base) {
  call *c = lab_file_call_of(base);
  c->result = lab_file_read(c->f->fd, c->data, c->n);
  lab_file_wait_for_disk(c->f->latency);
}

static int finish_read(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = take_finished(L, ctx);
  if (c->result < 0)
    return lab_file_call_failure(L, c);
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
  call *c = lab_file_call_new(L, "read", run_read, NULL);
  c->data = data;
  c->n = (size_t)n;
  return begin_call(L, c, f, finish_read);
}

static void run_write(lab_job *base) {
  call *c = lab_file_call_of(base);
  c->result = lab_file_write(c->f->fd, c->data, c->n);
}

static int finish_write(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  call *c = take_finished(L, ctx);
  if (c->result < 0)
    return lab_file_call_failure(L, c);
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
  call *c = lab_file_call_new(L, "write", run_write, NULL);
  c->data = (void *)bytes;
  c->n = n;
  return begin_call(L, c, f, finish_write);
}

static void run_sync(lab_job *base) {
  call *c = lab_file_call_of(base);
  c->result = lab_file_sync(c->f->fd);
  lab_file_wait_for_disk(c->f->latency);
}

/* sync and close: true */
static int push_success(lua_State *L, const call *c) {
  if (c->result < 0)
    return lab_file_call_failure(L, c);
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
  return begin_call(L, lab_file_call_new(L, "sync", run_sync, NULL), f,
                    finish_sync);
}

/* The file is closing, and this is its last call: nothing else uses it. */
static void run_close(lab_job *base) {
  call *c = lab_file_call_of(base);
  lab_fd_closing(c->f->vm, c->fd);
  c->result = lab_file_close(c->fd);
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
  call *c = lab_file_call_new(L, "close", run_close, NULL);
  file *f = check_open(L, "close");
  if (!f)
    return 3;
  f->closing = true;
  if (f->users > 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  c->fd = f->fd;
  f->fd = -1;
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

void lab_lib_file(lua_State *L) {
  lab_lua_new_class(L, FILE_CLASS, file_methods, file_metamethods);
}
