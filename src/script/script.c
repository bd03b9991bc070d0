/* SPDX-License-Identifier: MIT
 * See script.h. */
#include "script/script.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "inspect/goroutine_profile.h"
#include "inspect/leak_profile.h"
#include "inspect/task_snapshot.h"
#include "inspect/tracer.h"
#include "lualib/lualib.h"
#include "lualib/open.h"
#include "lualib/primitive.h"
#include "mem/mem.h"
#include "prof/contention.h"
#include "prof/heap.h"
#include "resources/resources.h"
#include "trace/flight.h"
#include "vm/allocation_stack.h"
#include "vm/gc.h"
#include "vm/machine.h"
#include "vm/vm.h"

/* ---- the VM's thread ----------------------------------------------------- */

static void watch_vm(lab_vm *vm) {
  lab_mem_adopt_thread();
  lab_machine_attach(vm);
  lab_heap_set_vm_thread();
  lab_contention_watch(vm->sched);
  lab_tracer_attach(vm);
}

static void unwatch_vm(lab_vm *vm) {
  lab_tracer_detach();
  lab_contention_unwatch(vm->sched);
  lab_machine_detach();
}

/* Answers all calls, and takes back what all steps have. */
static void drop_all_work(lab_vm *vm) {
  lab_sched_deliver(vm->sched); /* what came too late becomes tasks, */
  lab_switches_drop_all(vm);    /* and all of them are answered here */
  lab_requests_drop_all(vm);
  lab_lua_task_drop_all(vm);
  lab_call_flush(vm);
  lab_resources_reclaim_all(vm);
}

static void run_vm(void *arg) {
  lab_vm *vm = arg;
  watch_vm(vm);
  lab_sched_run(vm->sched);
  unwatch_vm(vm);
  lab_lua_primitive_stop();
  /* Jobs point into coroutines: they end before anything is freed. */
  lab_lua_task_cancel_jobs(vm);
  lab_workers_free(vm->workers);
  vm->workers = NULL;
  drop_all_work(vm);
  lab_machine_close(vm);
  lab_lua_task_drop_all(vm); /* finalizers may have started some */
  atomic_store(&vm->stopped, true);
}

/* ---- life ---------------------------------------------------------------- */

static atomic_bool there_is_one;

void lab_vm_init_profiles(void) {
  lab_heap_init(lab_walk_allocation);
  lab_goroutine_profile_register();
  lab_leak_profile_register();
}

/* Protected: the table `lab`, then the Lua files. */
static int open_application(lua_State *L) {
  lab_lualib_open(L);
  lab_scenario_open(L, lab_file_opener);
  return 0;
}

static void free_vm(lab_vm *vm) {
  lab_lua_primitive_stop();
  lab_flight_close();
  if (vm->workers)
    lab_workers_free(vm->workers);
  if (vm->sched)
    lab_sched_free(vm->sched);
  lab_scenario_free(vm);
  lab_resources_free(vm);
  lab_over_free(vm);
  lab_xfree(vm);
  atomic_store(&there_is_one, false);
}

static lab_vm *new_vm(const lab_vm_config *config) {
  lab_vm *vm = lab_xcalloc(1, sizeof *vm);
  lab_call_init(vm, config->wake, config->arg);
  lab_resources_new(vm, config->services);
  lab_scenario_new(vm, &config->scenario);
  return vm;
}

/* Before the VM runs, so that all of it is recorded. */
static void open_flight(lab_vm *vm, const lab_vm_config *config) {
  lab_workers_load load;
  lab_workers_read(vm->workers, &load);
  if (config->flight_ns)
    lab_flight_open(config->flight_ns, config->flight_bytes, load.threads);
}

static int start_threads(lab_vm *vm, const lab_vm_config *config,
                         lab_err *err) {
  static const lab_sched_ops ops = {lab_lua_task_resume, lab_call_flush,
                                    lab_lua_task_give_up};
  vm->sched = lab_sched_new(&ops, vm);
  int rc = lab_workers_new(&vm->workers, config->workers, vm->sched);
  if (rc)
    return lab_err_set(err, rc, "can't start the worker threads: %s",
                       strerror(-rc));
  rc = lab_machine_open(vm, open_application, err);
  if (rc)
    return rc;
  open_flight(vm, config);
  rc = lab_thread_start(&vm->thread, "vm", run_vm, vm);
  if (rc == 0)
    return 0;
  lab_machine_close(vm);
  return lab_err_set(err, rc, "can't start the VM's thread: %s", strerror(-rc));
}

int lab_vm_new(lab_vm **out, const lab_vm_config *config, lab_err *err) {
  if (atomic_exchange(&there_is_one, true))
    return lab_err_set(err, -EBUSY, "there is a lab in this process already");
  lab_vm *vm = new_vm(config);
  int rc = start_threads(vm, config, err);
  if (rc) {
    free_vm(vm);
    return rc;
  }
  *out = vm;
  lab_task_snapshot_observe(vm);
  return 0;
}

void lab_vm_abandon(lab_vm *vm) {
  lab_resources_abandon(vm);
}

bool lab_vm_free(lab_vm *vm, unsigned timeout_ms) {
  uint64_t deadline = lab_clock_mono() + timeout_ms * LAB_MILLISECOND;
  atomic_store(&vm->stopping, true);
  lab_sched_stop(vm->sched);
  while (!atomic_load(&vm->stopped)) {
    if (lab_clock_mono() > deadline)
      return false;
    lab_switches_interrupt(vm, NULL);
    struct timespec nap = {0, 2000000};
    nanosleep(&nap, NULL);
  }
  lab_task_snapshot_observe(NULL);
  lab_thread_join(vm->thread);
  lab_vm_collect(vm);
  free_vm(vm);
  return true;
}

/* ---- what is asked of it ------------------------------------------------- */

void lab_vm_collect(lab_vm *vm) {
  lab_orders_run(vm);
  lab_call_collect(vm);
}

void lab_vm_kick(lab_vm *vm) {
  lab_sched_wake(vm->sched);
}

static int collect_protected(lua_State *L) {
  lua_pushboolean(L, lab_gc_full(L));
  return 1;
}

static void deliver_collection(lab_post *post) {
  lab_collection *c = LAB_CONTAINER(lab_call_of(post), lab_collection, call);
  lab_vm *vm = c->call.vm;
  if (lab_leak_profile_is_under_way() && !atomic_load(&vm->stopping)) {
    lab_sched_post(vm->sched, post); /* when those are found */
    return;
  }
  lua_pushcfunction(vm->L, collect_protected);
  c->done = lua_pcall(vm->L, 0, 1, 0) == LUA_OK && lua_toboolean(vm->L, -1);
  lua_pop(vm->L, 1);
  lab_call_answer(&c->call);
}

void lab_vm_collect_garbage(lab_vm *vm, lab_collection *c) {
  lab_call_send(vm, &c->call, deliver_collection);
}
