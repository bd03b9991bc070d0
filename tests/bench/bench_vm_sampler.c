/* SPDX-License-Identifier: MIT
 * What a sample costs the VM's thread, at several depths of its stack.
 *
 *   bench_vm_sampler [HZ [ROUNDS [SOURCE]]]      SOURCE: a lab_cpu_source
 *
 * A Lua loop calls a C function that looks at the clock. Where a signal came in
 * between, the pause is what the signal has cost: the kernel's part, the
 * handler, and the hook. Pieces of this loop take turns: with a handler that
 * does nothing, and with the sampler. The median of all pauses is the cost; so
 * other programs on the machine, which make few of them long, disturb little.
 *
 * Each line of the output is a case: its name, the us of a signal alone and
 * those of a sample. 10 us are 1 % of the time at 1000 Hz. */
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "prof/cpu_thread.h"
#include "stack/unwind.h"
#include "vm/machine.h"
#include "vm/sampler.h"
#include "vm/vm.h"

enum { PIECE = 300000, MAX_PAUSES = 100000 };

static const char program[] =
    "local function loop()\n"
    "  local look, n, x = look, PIECE, 42\n"
    "  for _ = 1, n do\n"
    "    x = (x * 1103515245 + 12345) % 2147483648\n"
    "    look()\n"
    "  end\n"
    "end\n"
    "function descend(depth, c)\n"
    "  if depth <= 0 then loop()\n"
    "  elseif c then assert(pcall(descend, depth - 2, c))\n"
    "  else descend(depth - 1, c) end\n"
    "end\n";

typedef struct work {
  int depth;
  bool through_c; /* half of the calls are a C function's */
} work;

static const work cases[] = {
    {0, false},    {10, false}, {100, false},
    {1000, false}, {10, true},  {100, true},
};
static int hz = 1000, rounds = 50;

/* ---- pauses -------------------------------------------------------------- */

/* Of one kind. */
typedef struct pauses {
  uint64_t ns[MAX_PAUSES];
  size_t n;
} pauses;

static pauses alone, sampled;
static pauses *noted; /* where the next pause goes */
static uint64_t last;
static volatile unsigned signals, seen;

/* look(): if a signal came since the last call, the pause is noted. */
static int look(lua_State *L) {
  (void)L;
  uint64_t now = lab_clock_mono();
  if (seen != signals) {
    seen = signals;
    now = lab_clock_mono(); /* if it came after the clock was read */
    if (noted->n < MAX_PAUSES)
      noted->ns[noted->n++] = now - last;
  }
  last = now;
  return 0;
}

/* ---- signals ------------------------------------------------------------- */

static const lab_cpu_vm *the_sampler;

static bool ignore_signal(const void *context, uint32_t weight) {
  (void)context;
  (void)weight;
  signals++;
  return true;
}

static bool count_signal(const void *context, uint32_t weight) {
  signals++;
  return the_sampler->signal(context, weight);
}

static uint32_t have_nothing(void) {
  return 0;
}

static const lab_cpu_vm idle_vm = {.signal = ignore_signal,
                                   .pending = have_nothing},
                        counted_vm = {.signal = count_signal,
                                      .pending = have_nothing};

static void set_rate(int to) {
  pthread_mutex_lock(&lab_cpu_lock);
  lab_cpu_threads_tune(to);
  pthread_mutex_unlock(&lab_cpu_lock);
}

/* ---- the comparison ------------------------------------------------------ */

/* Runs W in a coroutine of its own, as a task does. */
static void run_piece(lua_State *L, const work *w, const lab_cpu_vm *vm,
                      pauses *p) {
  lua_State *co = lua_newthread(L);
  int results;
  lua_getglobal(co, "descend");
  lua_pushinteger(co, w->depth);
  lua_pushboolean(co, w->through_c);
  lab_cpu_set_vm(vm);
  set_rate(hz);
  noted = p;
  seen = signals;
  last = lab_clock_mono();
  if (lua_resume(co, L, 2, &results) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(co, -1));
    exit(1);
  }
  set_rate(1);
  lua_pop(L, 1);
}

static int compare_pauses(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double find_median_us(pauses *p) {
  LAB_ASSERT(p->n > 0);
  qsort(p->ns, p->n, sizeof *p->ns, compare_pauses);
  return (double)p->ns[p->n / 2] / 1e3;
}

static void compare_case(lua_State *L, const work *w) {
  alone.n = sampled.n = 0;
  for (int i = 0; i < rounds; i++) {
    run_piece(L, w, &idle_vm, &alone);
    run_piece(L, w, &counted_vm, &sampled);
  }
  printf("depth %d%s\t%.2f\t%.2f\n", w->depth,
         w->through_c ? ", half in C" : "", find_median_us(&alone),
         find_median_us(&sampled));
  fflush(stdout);
}

static int open_nothing(lua_State *L) {
  lua_register(L, "look", look);
  lua_pushinteger(L, PIECE);
  lua_setglobal(L, "PIECE");
  if (luaL_loadbuffer(L, program, sizeof program - 1, "@work.lua"))
    return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

static void compare_cases(void *arg) {
  lab_vm *vm = arg;
  lab_sampler_attach();
  the_sampler = atomic_load(&lab_cpu_self()->vm);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    compare_case(vm->L, &cases[i]);
  lab_sampler_detach();
}

static int read_number(const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  LAB_ASSERT(end != text && !*end && n >= 0 && n <= INT_MAX);
  return (int)n;
}

int main(int argc, char **argv) {
  static lab_vm vm;
  lab_err err;
  lab_thread *thread;
  lab_cpu_session *session;
  if (argc > 1)
    hz = read_number(argv[1]);
  if (argc > 2)
    rounds = read_number(argv[2]);
  if (argc > 3)
    lab_cpu_set_source((lab_cpu_source)read_number(argv[3]));
  LAB_ASSERT(hz > 1 && rounds > 0);
  LAB_ASSERT(lab_mem_init() == 0 && lab_unwind_init() == 0);
  LAB_ASSERT(lab_cpu_init() == 0);
  LAB_ASSERT(lab_machine_open(&vm, open_nothing, &err) == 0);
  LAB_ASSERT(lab_cpu_start(&session, hz, &err) == 0);
  set_rate(1);
  LAB_ASSERT(lab_thread_start(&thread, "vm", compare_cases, &vm) == 0);
  lab_thread_join(thread);
  lab_cpu_free(session);
  return 0;
}
