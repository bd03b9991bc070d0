/* SPDX-License-Identifier: MIT
 * See pipe.h. */
#include "lualib/pipe.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "base/queue.h"
#include "lualib/failure.h"
#include "vm/vm.h"
#include "vm/walk.h"

/* A pipe has room for 64 KiB, so more doesn't come at once. */
enum { READ_MAX = 1 << 30, AT_ONCE = 64 << 10 };

void lab_lua_pipe_init(lab_lua_pipe *p, const char *name) {
  memset(p, 0, sizeof *p);
  p->name = name;
  lab_list_init(&p->owned.link);
  lab_list_init(&p->waiting);
}

/* ---- waiting ------------------------------------------------------------- */

static void wake_pipe_users(lab_vm *vm, lab_lua_pipe *p) {
  while (!lab_list_empty(&p->waiting))
    lab_task_ready(vm->sched, LAB_CONTAINER(p->waiting.next, lab_task, link));
}

/* Once the errand has ended, the object may be gone. */
static void deliver_pipe_ready(lab_post *post) {
  lab_pipe *pipe = LAB_CONTAINER(post, lab_pipe, ready);
  lab_errand *e = &pipe->child->errand;
  if (e->stopped)
    return;
  lab_lua_pipe *p = pipe->user;
  p->asked = false;
  p->error = pipe->error;
  wake_pipe_users(e->vm, p);
}

static void run_pipe_wait(lab_order *o) {
  lab_pipe *pipe = LAB_CONTAINER(o, lab_pipe, wait_order);
  lab_services_of(pipe->child->errand.vm)->wait_pipe(pipe);
}

static void run_pipe_close(lab_order *o) {
  lab_pipe *pipe = LAB_CONTAINER(o, lab_pipe, close_order);
  lab_services_of(pipe->child->errand.vm)->close_pipe(pipe);
}

/* Parks the running task among those that wait for P. */
static int park_at_pipe(lua_State *L, lab_lua_pipe *p, lua_KFunction k) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *me = vm->running;
  lab_task_park(vm->sched, &me->base, LAB_WAIT_NET, lab_walk(L, 0));
  lab_list_push_back(&p->waiting, &me->base.link);
  return lua_yieldk(L, 0, (lua_KContext)p, k);
}

/* Until it can be read, or written. */
static int wait_for_pipe(lua_State *L, lab_lua_pipe *p, lua_KFunction k) {
  if (!p->asked)
    lab_order_send(lab_vm_of(L), &p->pipe->wait_order, run_pipe_wait);
  p->asked = true;
  return park_at_pipe(L, p, k);
}

/* ---- opening and closing ------------------------------------------------- */

static void reclaim_pipe(lab_owned *o) {
  lab_lua_pipe_shut(LAB_CONTAINER(o, lab_lua_pipe, owned));
}

void lab_lua_pipe_open(lab_vm *vm, lab_lua_pipe *p, lab_pipe *pipe) {
  p->pipe = pipe;
  pipe->user = p;
  pipe->ready.deliver = deliver_pipe_ready;
  lab_owned_add(vm, &p->owned, "pipe", reclaim_pipe);
}

void lab_lua_pipe_shut(lab_lua_pipe *p) {
  lab_pipe *pipe = p->pipe;
  if (!pipe)
    return;
  lab_errand *e = &pipe->child->errand;
  p->pipe = NULL;
  lab_owned_remove(&p->owned);
  lab_errand_give(e, pipe->fd); /* now, so that another one may be opened */
  lab_order_send(e->vm, &pipe->close_order, run_pipe_close);
  wake_pipe_users(e->vm, p);
}

int lab_lua_pipe_close(lua_State *L, lab_lua_pipe *p) {
  if (p->closed)
    return lab_lua_failure(L, "close", p->name, LAB_LUA_CLOSED);
  p->closed = true;
  lab_lua_pipe_shut(p);
  lua_pushboolean(L, 1);
  return 1;
}

/* What a call means that failed with CODE, an errno: -EAGAIN only if it helps
 * to wait, which one caller is told if it didn't. */
static int explain_pipe_error(lab_lua_pipe *p, int code) {
  int rc = code == EAGAIN && p->error ? p->error : -code;
  if (code == EAGAIN)
    p->error = 0;
  return rc;
}

/* ---- reading ------------------------------------------------------------- */

static int finish_pipe_read(lua_State *L, int status, lua_KContext ctx);

static int push_pipe_end(lua_State *L) {
  luaL_pushfail(L);
  lua_pushliteral(L, "EOF");
  lua_pushinteger(L, 0);
  return 3;
}

/* Argument 2: how many bytes at most. */
static int read_pipe_now(lua_State *L, lab_lua_pipe *p) {
  char bytes[AT_ONCE];
  size_t n = (size_t)lua_tointeger(L, 2);
  ssize_t got;
  if (p->at_end && !p->closed)
    return push_pipe_end(L);
  if (!p->pipe)
    return lab_lua_failure(L, "read", p->name, LAB_LUA_CLOSED);
  do
    got = read(p->pipe->fd, bytes, n < sizeof bytes ? n : sizeof bytes);
  while (got < 0 && errno == EINTR);
  int rc = got < 0 ? explain_pipe_error(p, errno) : 0;
  if (rc == -EAGAIN)
    return wait_for_pipe(L, p, finish_pipe_read);
  if (rc)
    return lab_lua_failure(L, "read", p->name, rc);
  if (got > 0) {
    lua_pushlstring(L, bytes, (size_t)got);
    return 1;
  }
  p->at_end = true;
  lab_lua_pipe_shut(p); /* nothing will ever come */
  return push_pipe_end(L);
}

static int finish_pipe_read(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_check_cancelled(L);
  return read_pipe_now(L, (lab_lua_pipe *)ctx);
}

int lab_lua_pipe_read(lua_State *L, lab_lua_pipe *p) {
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n > 0 && n <= READ_MAX, 2, "1 to 2^30 bytes can be read");
  lab_lua_check_parkable(L, "read");
  return read_pipe_now(L, p);
}

/* ---- writing -------------------------------------------------------------
 *
 * One task at a time, until all of its string is written: else the bytes of two
 * could be mixed. On the stack: the string at 2, how much is written at 3. */

static int finish_pipe_write(lua_State *L, int status, lua_KContext ctx);

static void note_written(lua_State *L, size_t done) {
  lua_pushinteger(L, (lua_Integer)done);
  lua_replace(L, 3);
}

static void end_write_turn(lua_State *L, lab_lua_pipe *p) {
  lab_vm *vm = lab_vm_of(L);
  if (p->writer != vm->running)
    return;
  p->writer = NULL;
  wake_pipe_users(vm, p);
}

/* What the pipe takes now: *DONE is more. 0 or a negative errno; -EAGAIN: it
 * takes nothing. */
static int write_piece(lab_lua_pipe *p, const char *bytes, size_t len,
                       size_t *done) {
  ssize_t n = write(p->pipe->fd, bytes + *done, len - *done);
  if (n < 0)
    return errno == EINTR ? 0 : explain_pipe_error(p, errno);
  *done += (size_t)n;
  return 0;
}

static int write_pipe_now(lua_State *L, lab_lua_pipe *p) {
  const lab_lua_task *me = lab_vm_of(L)->running;
  size_t len, done = (size_t)lua_tointeger(L, 3);
  const char *bytes = lua_tolstring(L, 2, &len);
  int rc = p->pipe ? 0 : LAB_LUA_CLOSED;
  if (rc == 0 && p->writer && p->writer != me)
    return park_at_pipe(L, p, finish_pipe_write);
  p->writer = me;
  while (rc == 0 && done < len && !me->base.cancelled &&
         !lab_preempt_is_slice_over())
    rc = write_piece(p, bytes, len, &done);
  note_written(L, done);
  if (rc == -EAGAIN)
    return wait_for_pipe(L, p, finish_pipe_write);
  if (rc == 0 && done < len && !me->base.cancelled)
    return lab_lua_make_way(L, (lua_KContext)p, finish_pipe_write);
  end_write_turn(L, p);
  lab_lua_check_cancelled(L);
  return rc ? lab_lua_failure(L, "write", p->name, rc) : 1;
}

static int finish_pipe_write(lua_State *L, int status, lua_KContext ctx) {
  lab_lua_pipe *p = (lab_lua_pipe *)ctx;
  (void)status;
  if (lab_vm_of(L)->running->base.cancelled)
    end_write_turn(L, p);
  lab_lua_check_cancelled(L);
  return write_pipe_now(L, p);
}

int lab_lua_pipe_write(lua_State *L, lab_lua_pipe *p) {
  luaL_checkstring(L, 2);
  lab_lua_check_parkable(L, "write");
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  return write_pipe_now(L, p);
}
