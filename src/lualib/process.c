/* SPDX-License-Identifier: MIT
 * See process.h.
 *
 * The control thread starts children and is told when they end. */
#include "lualib/process.h"

#include <ctype.h>
#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "lualib/class.h"
#include "lualib/failure.h"
#include "lualib/limit.h"
#include "lualib/pipe.h"
#include "lualib/spawn.h"
#include "resources/errand.h"
#include "resources/fds.h"
#include "resources/owned.h"
#include "vm/anchors.h"
#include "vm/gc.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char PROCESS[] = "lab.Process";
enum { IN, OUT, ERR, PIPES };
static const char *const pipe_names[] = {"stdin", "stdout", "stderr"};

typedef struct process {
  lab_owned owned;
  lab_child *child; /* NULL: taken back with the step */
  lab_list waiting; /* tasks, by lab_task.link */
  lab_lua_pipe pipes[PIPES];
  bool started, over;
  bool asked;       /* for its end, in case that it stays a zombie */
  int code, signal; /* over: how it ended */
} process;

/* While it runs it is its own anchor. */
static void unanchor_process(process *p) {
  if (p->child)
    lab_anchor_drop(p->child->errand.vm, p);
}

static void end_process(process *p) {
  for (int i = 0; i < PIPES; i++)
    lab_lua_pipe_shut(&p->pipes[i]);
  lab_owned_remove(&p->owned);
  unanchor_process(p);
  if (p->child)
    lab_errand_end(&p->child->errand);
  p->child = NULL;
}

static void reclaim_process(lab_owned *o) {
  end_process(LAB_CONTAINER(o, process, owned));
}

/* ---- news ---------------------------------------------------------------- */

static void wake_all(lab_vm *vm, process *p) {
  while (!lab_list_empty(&p->waiting))
    lab_task_ready(vm->sched, LAB_CONTAINER(p->waiting.next, lab_task, link));
}

static void hear_of_child(lab_errand *e, int news) {
  process *p = e->user;
  if (news == 0) {
    p->started = true;
  } else { /* so the step has nothing to give back */
    p->over = true;
    p->code = p->child->code;
    p->signal = p->child->signal;
    lab_owned_remove(&p->owned);
    unanchor_process(p);
  }
  wake_all(e->vm, p);
}

static void free_told_child(lab_errand *e) {
  lab_lua_free_child(LAB_CONTAINER(e, lab_child, errand));
}

/* Parks the running task until there is news, or for LIMIT ns at most. */
static int wait_for_news(lua_State *L, process *p, uint64_t limit,
                         lua_KFunction k) {
  lab_vm *vm = lab_vm_of(L);
  lab_lua_task *me = vm->running;
  lab_task_park(vm->sched, &me->base, LAB_WAIT_NET, lab_walk(L, 0));
  lab_list_push_back(&p->waiting, &me->base.link);
  lab_lua_limit_wait(L, limit);
  return lua_yieldk(L, 0, (lua_KContext)p, k);
}

/* ---- lab.spawn ----------------------------------------------------------- */

static void open_pipes(lab_vm *vm, process *p) {
  lab_child *child = p->child;
  for (int i = 0; i < PIPES; i++)
    if (child->wants_pipe[i] && p->pipes[i].name)
      lab_lua_pipe_open(vm, &p->pipes[i], &child->pipes[i]);
}

static int finish_spawn(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  process *p = (process *)ctx;
  if (lab_vm_of(L)->running->base.cancelled)
    end_process(p);
  lab_lua_check_cancelled(L);
  if (p->child->error == 0) {
    open_pipes(lab_vm_of(L), p);
    return 1; /* the object is on top */
  }
  int n = lab_lua_failure(L, "exec", p->child->argv[0], p->child->error);
  end_process(p);
  return n;
}

static process *new_process(lua_State *L, const lab_lua_wishes *w) {
  process *p = lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  lab_list_init(&p->owned.link);
  lab_list_init(&p->waiting);
  for (int i = 0; i < PIPES; i++)
    lab_lua_pipe_init(&p->pipes[i], w->pipe[i] && !(i == IN && w->input)
                                        ? pipe_names[i]
                                        : NULL);
  luaL_setmetatable(L, PROCESS);
  return p;
}

/* Descriptors for CHILD's pipes: 0 or -EMFILE. */
static int take_descriptors(lab_vm *vm, lab_child *child) {
  int rc = 0;
  for (int i = 0; i < PIPES && rc == 0; i++)
    if (child->wants_pipe[i])
      rc = lab_fd_account_take(vm, &child->errand.fds);
  if (rc)
    lab_fd_account_close(vm, &child->errand.fds);
  return rc;
}

/* lab.spawn(argv[, options]) */
static int process_spawn(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  const lab_services *services = lab_lua_check_services(L);
  lab_lua_wishes w = lab_lua_check_wishes(L);
  lab_lua_check_parkable(L, "spawn");
  process *p = new_process(L, &w);
  lua_pushvalue(L, -1);
  lab_anchor_set(L, p);
  size_t missing;
  lab_child *child = lab_lua_new_child(L, &w, &missing);
  if (!child && missing > 0 && lab_gc_make_room(L))
    child = lab_lua_new_child(L, &w, &missing);
  int rc = child ? take_descriptors(vm, child) : -ENOMEM;
  if (rc)
    lab_anchor_drop(vm, p);
  if (!child) {
    luaL_argcheck(L, missing > 0, 1, "words have no zeros");
    return lab_lua_refuse_memory(L, "arguments", missing);
  }
  if (rc) {
    lab_lua_free_child(child);
    return lab_lua_failure(L, "pipe", NULL, rc);
  }
  p->child = child;
  child->errand.start = services->spawn;
  child->errand.stop = services->stop_child;
  child->errand.told = hear_of_child;
  child->errand.freed = free_told_child;
  child->errand.user = p;
  lab_owned_add(vm, &p->owned, "child program", reclaim_process);
  lab_errand_begin(L, &child->errand);
  return wait_for_news(L, p, LAB_LUA_NO_LIMIT, finish_spawn);
}

/* ---- methods ------------------------------------------------------------- */

static process *check_process(lua_State *L) {
  return luaL_checkudata(L, 1, PROCESS);
}

/* It was taken back with its step, or ended by itself. */
static bool is_over(const process *p) {
  return !p->child || p->over;
}

static int process_pid(lua_State *L) {
  process *p = check_process(L);
  lua_pushinteger(L, p->child ? p->child->pid : 0);
  return 1;
}

static int push_process_end(lua_State *L, const process *p) {
  if (p->over && p->signal == 0) {
    lua_pushinteger(L, p->code);
    return 1;
  }
  int number = p->over ? p->signal : SIGKILL;
  char name[64];
  snprintf(name, sizeof name, "%s", strsignal(number));
  name[0] = (char)tolower((unsigned char)name[0]);
  luaL_pushfail(L);
  lua_pushfstring(L, "signal: %s", name);
  lua_pushinteger(L, number);
  return 3;
}

static int finish_wait(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_check_cancelled(L);
  process *p = (process *)ctx;
  if (is_over(p))
    return push_process_end(L, p);
  return lab_vm_of(L)->running->base.expired
             ? lab_lua_push_timeout(L)
             : wait_for_news(L, p, lab_lua_limit_left(L), finish_wait);
}

static void run_collect(lab_order *o) {
  lab_child *child = LAB_CONTAINER(o, lab_child, collect_order);
  lab_services_of(child->errand.vm)->collect(child);
}

/* p:wait([seconds]) */
static int process_wait(lua_State *L) {
  process *p = check_process(L);
  uint64_t limit = lab_lua_check_limit(L, 2);
  if (is_over(p))
    return push_process_end(L, p);
  if (limit > 0)
    lab_lua_check_parkable(L, "wait");
  if (p->child->stays_zombie && !p->asked)
    lab_order_send(lab_vm_of(L), &p->child->collect_order, run_collect);
  p->asked = true;
  return limit == 0 ? lab_lua_push_timeout(L)
                    : wait_for_news(L, p, limit, finish_wait);
}

/* ---- signals ------------------------------------------------------------- */

/* A script can call kill a million times before the control thread looks. So
 * what that has to send is one order for each child: a list of different
 * signals, each a digit, the last one that was wanted in the lowest digit. One
 * that is wanted again moves there, for what was stopped and continued must go
 * on. (The kernel, too, sends once what is wanted twice before the child can
 * look.) */
enum { DIGIT = 4, MASK = (1 << DIGIT) - 1 }; /* 0: none */
static const int signals[] = {0,       SIGKILL, SIGTERM, SIGINT,  SIGHUP,
                              SIGQUIT, SIGSTOP, SIGCONT, SIGUSR1, SIGUSR2};
enum { FIRST = (sizeof signals / sizeof *signals - 2) * DIGIT };

/* The digit of the signal at ARG. */
static unsigned check_signal(lua_State *L, int arg) {
  static const char *const names[] = {"KILL", "TERM", "INT",  "HUP",  "QUIT",
                                      "STOP", "CONT", "USR1", "USR2", NULL};
  return (unsigned)luaL_checkoption(L, arg, "KILL", names) + 1;
}

static uint64_t append_signal(uint64_t list, unsigned digit) {
  uint64_t kept = 0;
  for (int at = FIRST; at >= 0; at -= DIGIT) {
    unsigned other = (unsigned)(list >> at) & MASK;
    if (other != 0 && other != digit)
      kept = kept << DIGIT | other;
  }
  return kept << DIGIT | digit;
}

/* The child exists still: a stop, if there is one, was ordered later. */
static void run_kill(lab_order *o) {
  lab_child *child = LAB_CONTAINER(o, lab_child, kill_order);
  uint64_t list = atomic_exchange(&child->signals, 0);
  for (int at = FIRST; at >= 0; at -= DIGIT)
    if (list >> at & MASK)
      lab_services_of(child->errand.vm)
          ->kill(child, signals[list >> at & MASK]);
}

static void want_signal(lab_child *child, unsigned digit) {
  uint64_t before = atomic_load(&child->signals);
  while (!atomic_compare_exchange_weak(&child->signals, &before,
                                       append_signal(before, digit)))
    ;
  if (before == 0) /* else an order is on its way */
    lab_order_send(child->errand.vm, &child->kill_order, run_kill);
}

/* p:kill([signal]) */
static int process_kill(lua_State *L) {
  process *p = check_process(L);
  unsigned digit = check_signal(L, 2);
  if (is_over(p)) {
    luaL_pushfail(L);
    lua_pushliteral(L, "os: process already finished");
    lua_pushinteger(L, ESRCH);
    return 3;
  }
  want_signal(p->child, digit);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- pipes --------------------------------------------------------------- */

/* The pipe I of argument 1. */
static lab_lua_pipe *check_pipe(lua_State *L, int i) {
  lab_lua_pipe *pipe = &check_process(L)->pipes[i];
  if (!pipe->name)
    luaL_error(L, "%s is no pipe: lab.spawn(argv, { %s = \"pipe\" })",
               pipe_names[i], pipe_names[i]);
  return pipe;
}

static int process_write(lua_State *L) {
  return lab_lua_pipe_write(L, check_pipe(L, IN));
}

static int process_read(lua_State *L) {
  return lab_lua_pipe_read(L, check_pipe(L, OUT));
}

static int process_read_stderr(lua_State *L) {
  return lab_lua_pipe_read(L, check_pipe(L, ERR));
}

static int process_close_stdin(lua_State *L) {
  return lab_lua_pipe_close(L, check_pipe(L, IN));
}

static int process_close_stdout(lua_State *L) {
  return lab_lua_pipe_close(L, check_pipe(L, OUT));
}

static int process_close_stderr(lua_State *L) {
  return lab_lua_pipe_close(L, check_pipe(L, ERR));
}

/* ---- the class ----------------------------------------------------------- */

static int process_gc(lua_State *L) {
  end_process(check_process(L));
  return 0;
}

static int process_tostring(lua_State *L) {
  process *p = check_process(L);
  if (is_over(p))
    lua_pushliteral(L, "Process (ended)");
  else
    lua_pushfstring(L, "Process %d", p->child->pid);
  return 1;
}

static const luaL_Reg process_methods[] = {
    {"pid", process_pid},
    {"wait", process_wait},
    {"kill", process_kill},
    {"write", process_write},
    {"read", process_read},
    {"read_stderr", process_read_stderr},
    {"close_stdin", process_close_stdin},
    {"close_stdout", process_close_stdout},
    {"close_stderr", process_close_stderr},
    {NULL, NULL},
};

static const luaL_Reg process_metamethods[] = {
    {"__gc", process_gc},
    {"__tostring", process_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"spawn", process_spawn},
    {NULL, NULL},
};

void lab_lib_process(lua_State *L) {
  lab_lua_new_class(L, PROCESS, process_methods, process_metamethods);
  luaL_setfuncs(L, functions, 0);
}
