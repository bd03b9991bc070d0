/* SPDX-License-Identifier: MIT
 * Primitives: C functions for scenarios that are not part of diaglab. A file
 * that includes this header and lua.h is compiled to a shared object,
 *
 *   cc -shared -fPIC -O2 -g -I/usr/include/lua5.4 -o mandel.so mandel.c
 *
 * and `diaglab --primitive mandel.so` loads it. A scenario gets the functions
 * by lab.primitive "mandel". They are a table of their own, and not fields of
 * `lab`: so a later version of diaglab can have new functions, and a scenario
 * says which primitive it needs. Profiles show each function by its name
 * ("mandel.render"), and each C function below it by its symbol, also static
 * ones. Don't strip the file; compile it with -g, and there are lines, too.
 *
 *   static int add(lua_State *L) {
 *     lua_pushnumber(L, luaL_checknumber(L, 1) + luaL_checknumber(L, 2));
 *     return 1;
 *   }
 *   static const lab_primitive_function functions[] = {
 *       {"add", add, false}, {NULL, NULL, false}};
 *   LAB_PRIMITIVE_ENTRY = {LAB_PRIMITIVE_ABI, "sums", functions, NULL};
 *
 * Threads. Lua runs on one thread, the VM's, and so does a function that a
 * scenario calls. While it runs no other task does. So what takes longer than a
 * millisecond is a job, which a worker does (lab_primitive_run), or looks
 * around (lab_primitive_look). Each function below says on which threads it may
 * be called. Other threads than the VM's must not use a lua_State.
 *
 * Signals. The lab sends SIGPROF and SIGURG to its threads, with SA_RESTART:
 * nanosleep, poll and select can end early with EINTR. A primitive installs no
 * handler for these two, and changes no thread's mask of them. A thread that it
 * starts itself blocks all signals, and is in no profile.
 *
 * Errors. A wrong argument raises (luaL_error). Where the environment fails,
 * functions return nil and a message. An error in Lua is a longjmp: what a C
 * function holds then is lost. So it belongs to a userdata with __gc, or to
 * work with a `drop`.
 *
 * Memory. lab_primitive_alloc counts against the step's limits.memory, and heap
 * profiles charge it to the scenario's line. malloc does neither.
 *
 * A file is loaded once, and never unloaded. */
#ifndef DIAGLAB_PRIMITIVE_H
#define DIAGLAB_PRIMITIVE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes when what is below means something else than before. A file that was
 * compiled with another number is refused. */
#define LAB_PRIMITIVE_ABI 1

typedef struct lab_primitive_function {
  const char *name; /* an identifier of Lua's; NULL ends a list */
  lua_CFunction call;
  bool hidden; /* not in stacks: what it does counts as its caller's */
} lab_primitive_function;

/* All of it must stay as it is. The strings: letters, digits and _, at most 31
 * bytes. */
typedef struct lab_primitive {
  uint32_t abi;     /* LAB_PRIMITIVE_ABI */
  const char *name; /* of the table that lab.primitive returns */
  const lab_primitive_function *functions;
  /* Called when a lab begins, on the thread that calls lab_new, before there
   * are tasks. Its argument is the table, to which it may add other fields. If
   * it raises, the lab doesn't start. NULL: there is nothing to do. */
  lua_CFunction open;
} lab_primitive;

/* What diaglab looks for in a file: one constant of this name. */
#define LAB_PRIMITIVE_ENTRY                                                    \
  extern const lab_primitive lab_primitive_entry;                              \
  __attribute__((visibility("default"))) const lab_primitive lab_primitive_entry

/* ---- work: what a task waits for ----------------------------------------- */

/* A kind of work. It must stay. */
typedef struct lab_primitive_work {
  size_t size; /* bytes of its data, at most 64 KiB */
  /* Does it, on a worker. It must not use Lua. What it needs is in the data, or
   * in strings and userdata among the function's arguments: these stay, and no
   * other task changes them. It asks lab_primitive_cancelled each millisecond
   * or so, and returns soon if that is true. NULL: lab_primitive_wait only. */
  void (*run)(void *data);
  /* On the VM's thread, when that is over: pushes what the function returns,
   * and returns how many values. L's stack is as it was. It may raise. Not
   * called if the task was cancelled. */
  int (*finish)(lua_State *L, void *data);
  /* Gives back what the data holds. On the VM's thread, once for all data:
   * after finish, instead of it, or, if finish raises, when the collector finds
   * the data. It must not raise. NULL: there is nothing. */
  void (*drop)(void *data);
} lab_primitive_work;

/* Pushes new work of this kind, and returns its data: zeros. VM's thread; may
 * raise. */
void *lab_primitive_new_work(lua_State *L, const lab_primitive_work *kind);

/* Has a worker do it, while the task is parked: its state is "syscall", in
 * stacks it is where it has called the function. CPU profiles and the heap's
 * charge what `run` does to that stack. Where a task can't be parked, as in a
 * sort's comparison, it is run at once. Only as `return lab_primitive_run(L,
 * data)`, once for all data. VM's thread; may raise. */
int lab_primitive_run(lua_State *L, void *data);

/* Parks the task until lab_primitive_wake, or for so many seconds at most
 * (negative: as long as it takes): its state is "primitive wait". Then finish
 * is called. Only as `return lab_primitive_wait(L, data, seconds)`, once for
 * all data. VM's thread; raises where a task can't be parked. */
int lab_primitive_wait(lua_State *L, void *data, double seconds);

/* By which another thread wakes the task that waits, or will wait, with this
 * data: one for all data. It must be used, once; it stays valid until then,
 * even if the task or the lab has ended meanwhile. VM's thread. */
typedef struct lab_primitive_waker lab_primitive_waker;
lab_primitive_waker *lab_primitive_new_waker(void *data);
/* Any thread, not a signal handler. */
void lab_primitive_wake(lab_primitive_waker *waker);
/* For finish: whether it was woken; false: the time was over. VM's thread. */
bool lab_primitive_was_woken(const void *data);

/* ---- long functions ------------------------------------------------------ */

/* Whether this thread's work should end: its task was cancelled, because the
 * step is left, say. In `run`, and in a function that a scenario calls. A few
 * ns. Any thread; false on those that do no work of the lab's. */
bool lab_primitive_cancelled(void);

/* For a long function that is not a job, each millisecond or so: raises if the
 * task was cancelled, and gives a CPU profile its samples so far. A function
 * that never does can't be left: /goto answers 503, and names it. VM's thread.
 */
void lab_primitive_look(lua_State *L);

/* ---- memory -------------------------------------------------------------- */

/* As malloc, realloc and free, but the caller knows the sizes (in bytes), and
 * what is asked for counts against limits.memory. NULL: it is used up; for a
 * size of 0, too. Realloc leaves the old block as it is then. Any thread. In
 * heap profiles the stack is the task's, in `run` that of the job; what threads
 * of the primitive's own allocate is only counted. */
void *lab_primitive_alloc(size_t size);
void *lab_primitive_realloc(void *block, size_t old_size, size_t size);
void lab_primitive_free(void *block, size_t size);

/* Raises "not enough memory for WHAT of SIZE bytes: the step has 1 GiB
 * (limits.memory)". VM's thread. */
int lab_primitive_no_memory(lua_State *L, const char *what, size_t size);

/* A Lua object, such as a userdata, holds DELTA bytes more than before outside
 * of Lua: the collector runs sooner. Give them back with a negative DELTA. VM's
 * thread; it may collect. */
void lab_primitive_hold_memory(lua_State *L, int64_t delta);

#endif
