/* SPDX-License-Identifier: MIT
 * See buffer.h.
 *
 * A Buffer is a userdata around prim/buffer.h. */
#include "lualib/buffer.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "lualib/failure.h"
#include "mem/mem.h"
#include "prim/buffer.h"
#include "stack/frame.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/worker_job.h"

typedef struct buffer {
  lab_buffer b;
  size_t reported; /* capacity that the collector knows of */
  bool busy;
  bool finalized; /* but a script's finalizer may have kept it */
} buffer;

static const char BUFFER[] = "lab.Buffer", READER[] = "lab.Reader";

static void report_capacity(lua_State *L, buffer *u) {
  int64_t delta = (int64_t)u->b.cap - (int64_t)u->reported;
  u->reported = u->b.cap;
  if (delta)
    lab_gc_external(L, delta);
}

static int push_buffer_failure(lua_State *L, int code) {
  if (code == -ENOMEM) {
    lab_lua_memory_failure(L);
  } else {
    luaL_pushfail(L);
    lua_pushstring(L, strerror(-code));
  }
  lua_pushinteger(L, -code);
  return 3;
}

static buffer *check_buffer(lua_State *L, int arg) {
  buffer *u = luaL_checkudata(L, arg, BUFFER);
  if (u->finalized)
    lab_lua_finalize_again(L, arg, BUFFER);
  u->finalized = false;
  if (u->busy)
    luaL_error(L, "buffer is being filled by another task");
  return u;
}

static size_t check_size(lua_State *L, int arg) {
  lua_Integer n = luaL_checkinteger(L, arg);
  luaL_argcheck(L, n >= 0, arg, "size must not be negative");
  return (size_t)n;
}

static int raise_no_memory(lua_State *L, size_t wanted) {
  char limit[LAB_MEMORY_LIMIT_TEXT];
  lab_memory_limit_text(lab_vm_of(L), limit, sizeof limit);
  return luaL_error(L, "not enough memory for a buffer of %I bytes: %s",
                    (LUAI_UACINT)wanted, limit);
}

/* lab.buffer([cap]). Hidden from profiles: what it allocates is charged to its
 * caller, as Go's make is. */
static int new_buffer(lua_State *L) {
  size_t cap = lua_isnoneornil(L, 1) ? 0 : check_size(L, 1);
  buffer *u = lua_newuserdatauv(L, sizeof *u, 0);
  memset(u, 0, sizeof *u); /* empty first: an error below must leave it sane */
  luaL_setmetatable(L, BUFFER);
  int rc = lab_buffer_init(&u->b, cap);
  if (rc && lab_gc_make_room(L))
    rc = lab_buffer_init(&u->b, cap);
  if (rc)
    return raise_no_memory(L, cap);
  report_capacity(L, u);
  return 1;
}

static void empty_buffer(lua_State *L, buffer *u) {
  lab_buffer_free(&u->b);
  report_capacity(L, u);
}

static int buffer_gc(lua_State *L) {
  buffer *u = luaL_checkudata(L, 1, BUFFER);
  empty_buffer(L, u);
  u->finalized = true;
  return 0;
}

/* Of which a string is made, or NULL. */
static const buffer *being_read;

/* In an emergency. It is finalized later. */
static void empty_garbage_buffer(void *memory) {
  buffer *u = memory;
  if (!u->busy && u != being_read)
    lab_buffer_free(&u->b);
}

/* The end of a <close> variable. A buffer that a worker is filling is freed by
 * __gc later: the task that copies keeps it alive. */
static int buffer_close(lua_State *L) {
  buffer *u = luaL_checkudata(L, 1, BUFFER);
  if (!u->busy)
    empty_buffer(L, u);
  return 0;
}

static int buffer_write(lua_State *L) {
  buffer *u = check_buffer(L, 1);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  int rc = lab_buffer_write(&u->b, s, n);
  if (rc == -ENOMEM && lab_gc_make_room(L))
    rc = lab_buffer_write(&u->b, s, n);
  report_capacity(L, u);
  if (rc)
    return push_buffer_failure(L, rc);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int buffer_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_buffer(L, 1)->b.len);
  return 1;
}

static int buffer_cap(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_buffer(L, 1)->b.cap);
  return 1;
}

static int buffer_grow(lua_State *L) {
  buffer *u = check_buffer(L, 1);
  size_t n = check_size(L, 2);
  int rc = lab_buffer_grow(&u->b, n);
  if (rc == -ENOMEM && lab_gc_make_room(L))
    rc = lab_buffer_grow(&u->b, n);
  report_capacity(L, u);
  if (rc)
    return push_buffer_failure(L, rc);
  lua_settop(L, 1);
  return 1;
}

static int buffer_reset(lua_State *L) {
  lab_buffer_reset(&check_buffer(L, 1)->b);
  lua_settop(L, 1);
  return 1;
}

/* The bytes from I to J of U as a string. Memory for it may be collected first,
 * and U is perhaps garbage itself, as a finalizer's is: it must not be emptied.
 * If this raises, U stays noted, which only keeps it from being emptied. */
static void push_buffer_bytes(lua_State *L, const buffer *u, lua_Integer i,
                              lua_Integer j) {
  being_read = u;
  lua_pushlstring(L, u->b.data + i - 1, (size_t)(j - i + 1));
  being_read = NULL;
}

/* b:string([i[, j]]): as string.sub counts. */
static int buffer_string(lua_State *L) {
  buffer *u = check_buffer(L, 1);
  lua_Integer len = (lua_Integer)u->b.len;
  lua_Integer i = luaL_optinteger(L, 2, 1), j = luaL_optinteger(L, 3, -1);
  if (i < 0)
    i = i + len + 1 > 1 ? i + len + 1 : 1;
  if (i == 0)
    i = 1;
  if (j < 0)
    j = j + len + 1;
  if (j > len)
    j = len;
  if (i > j)
    lua_pushliteral(L, "");
  else
    push_buffer_bytes(L, u, i, j);
  return 1;
}

static int buffer_tostring(lua_State *L) {
  buffer *u = luaL_checkudata(L, 1, BUFFER);
  lua_pushfstring(L, "Buffer (%I of %I bytes)", (LUAI_UACINT)u->b.len,
                  (LUAI_UACINT)u->b.cap);
  return 1;
}

/* ---- readers ------------------------------------------------------------- */

/* A generator has a state, so it serves one copy at a time. The kernel's random
 * source may serve many. */
typedef struct reader {
  lab_reader *reader; /* &prng.reader, or &lab_random_reader */
  bool busy;
  lab_prng prng;
} reader;

static reader *check_reader(lua_State *L, int arg) {
  reader *r = luaL_checkudata(L, arg, READER);
  if (r->busy)
    luaL_error(L, "reader is being read by another task");
  return r;
}

static reader *push_reader(lua_State *L) {
  reader *r = lua_newuserdatauv(L, sizeof *r, 0);
  memset(r, 0, sizeof *r);
  luaL_setmetatable(L, READER);
  return r;
}

static int new_prng(lua_State *L) {
  lua_Integer seed = luaL_checkinteger(L, 1);
  reader *r = push_reader(L);
  lab_prng_init(&r->prng, (uint64_t)seed);
  r->reader = &r->prng.reader;
  return 1;
}

/* ---- the copy ------------------------------------------------------------ */

typedef struct copy {
  lab_lua_job job;
  buffer *dst;
  reader *src;
  size_t n;       /* bytes of this run */
  size_t earlier; /* bytes of the runs before */
  size_t len;     /* of dst when this run began */
  bool tried;     /* there were runs before */
  ssize_t copied;
} copy;

static void run_copy(lab_job *base) {
  copy *c = LAB_CONTAINER(base, copy, job.base);
  c->copied = lab_copy_n(&c->dst->b, c->src->reader, c->n);
}

static int finish_copy(lua_State *L, int status, lua_KContext ctx);

static int begin_copy(lua_State *L, copy *c) {
  memset(&c->job, 0, sizeof c->job);
  c->job.base.run = run_copy;
  c->len = c->dst->b.len;
  c->copied = 0;
  return lab_lua_run_job(L, &c->job, (lua_KContext)c, finish_copy);
}

/* A worker can't collect. If the copy has stopped for want of memory, and there
 * is more now, its rest can be copied. Where it came no further than the time
 * before, others take what is collected. */
static bool may_go_on(lua_State *L, copy *c) {
  size_t more = c->dst->b.len - c->len;
  if (c->copied != -ENOMEM || (c->tried && more == 0) || !lab_gc_make_room(L))
    return false;
  c->tried = true;
  c->earlier += more;
  c->n -= more;
  return true;
}

static int finish_copy(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  copy *c = (copy *)ctx;
  report_capacity(L, c->dst);
  const lab_lua_task *me = lab_vm_of(L)->running;
  if (!(me && me->base.cancelled) && may_go_on(L, c))
    return begin_copy(L, c);
  c->dst->busy = c->src->busy = false;
  lab_lua_check_cancelled(L);
  if (c->copied < 0)
    return push_buffer_failure(L, (int)c->copied);
  lua_pushinteger(L, (lua_Integer)(c->earlier + (size_t)c->copied));
  return 1;
}

/* lab.copy_n(dst, reader, n): a worker copies. The task is parked meanwhile,
 * and its stack keeps dst, reader and the job alive. */
static int copy_n(lua_State *L) {
  buffer *dst = check_buffer(L, 1);
  reader *src = check_reader(L, 2);
  size_t n = check_size(L, 3);
  copy *c = lua_newuserdatauv(L, sizeof *c, 0);
  memset(c, 0, sizeof *c);
  c->dst = dst;
  c->src = src;
  c->n = n;
  dst->busy = true;
  src->busy = src->reader != &lab_random_reader;
  return begin_copy(L, c);
}

static const luaL_Reg buffer_methods[] = {
    {"write", buffer_write},
    {"len", buffer_len},
    {"cap", buffer_cap},
    {"grow", buffer_grow},
    {"reset", buffer_reset},
    {"string", buffer_string},
    {NULL, NULL},
};

static const luaL_Reg buffer_metamethods[] = {
    {"__gc", buffer_gc},   {"__close", buffer_close},
    {"__len", buffer_len}, {"__tostring", buffer_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"prng", new_prng},
    {"copy_n", copy_n},
    {NULL, NULL},
};

void lab_lib_buffer(lua_State *L) {
  lab_gc_empty_in_emergency(
      lab_lua_new_class(L, BUFFER, buffer_methods, buffer_metamethods),
      empty_garbage_buffer);
  lab_lua_new_class(L, READER, NULL, NULL);
  luaL_setfuncs(L, functions, 0);
  push_reader(L)->reader = &lab_random_reader;
  lua_setfield(L, -2, "rand");
  lua_pushcfunction(L, new_buffer);
  lua_setfield(L, -2, "buffer");
  lab_func_c((const void *)new_buffer, "lab.buffer", true);
  lab_func_c((const void *)lab_buffer_init, "lab_buffer_init", true);
}
