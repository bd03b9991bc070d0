/* SPDX-License-Identifier: MIT
 * See cpu.h. */
#include "lualib/cpu.h"

#include <lauxlib.h>
#include <string.h>

#include "prim/cpu.h"
#include "vm/sampler.h"
#include "vm/vm.h"
#include "vm/worker_job.h"

static double check_seconds(lua_State *L, int arg) {
  double s = luaL_checknumber(L, arg);
  luaL_argcheck(L, s >= 0 && s <= 86400, arg,
                "seconds must be between 0 and 86400");
  return s;
}

typedef struct burn {
  lab_lua_job job;
  double seconds;
} burn;

static void run_burn(lab_job *base) {
  burn *b = LAB_CONTAINER(base, burn, job.base);
  b->seconds = lab_burn(b->seconds);
}

static int finish_burn(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_lua_check_cancelled(L);
  lua_pushnumber(L, ((burn *)ctx)->seconds);
  return 1;
}

static int cpu_burn(lua_State *L) {
  double seconds = check_seconds(L, 1);
  burn *b = lua_newuserdatauv(L, sizeof *b, 0);
  memset(b, 0, sizeof *b);
  b->job.base.run = run_burn;
  b->seconds = seconds;
  return lab_lua_run_job(L, &b->job, (lua_KContext)b, finish_burn);
}

static int cpu_spin(lua_State *L) {
  double seconds = check_seconds(L, 1);
  lab_vm *vm = lab_vm_of(L);
  const atomic_bool *stop = lab_preempt_interruption(vm);
  lab_sampler_freeze(L);
  seconds = lab_spin(seconds, stop);
  lab_sampler_thaw();
  if (atomic_load(stop) && vm->running)
    vm->running->base.cancelled = true; /* SIGURG may come a little later */
  lab_lua_check_cancelled(L);
  lua_pushnumber(L, seconds);
  return 1;
}

static const luaL_Reg functions[] = {
    {"burn", cpu_burn},
    {"spin", cpu_spin},
    {NULL, NULL},
};

void lab_lib_cpu(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
