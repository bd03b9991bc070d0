/* SPDX-License-Identifier: MIT
 * The VM's life: its thread, and the answers that leave it. See script.h. */
#include "script/vm.h"

#include <errno.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "mem/mem.h"
#include "prof/contention.h"
#include "prim/file.h"
#include "prof/heap.h"
#include "script/told.h"

/* An answer waits for others to share its wake-up, unless the request took
 * longer than this: then nobody knows when the next one ends. */
static const uint64_t BATCH_NS = 50000;
enum { BATCH = 32 };

lab_vm *lab_vm_of(lua_State *L) {
  return *(lab_vm **)lua_getextraspace(L);
}

/* ---- the state ----------------------------------------------------------- */

void *lab_vm_alloc(void *ud, void *p, size_t old, size_t size);

/* Lua's allocator. For a new object OLD is its type, not a size. Global, so
 * that the heap profiler knows its frame. */
void *lab_vm_alloc(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  if (size == 0) {
    lab_mem_free(p, old);
    return NULL;
  }
  void *block = p ? lab_mem_realloc(p, old, size) : lab_mem_alloc(size);
  if (!block)
    lab_memory_refused();
  return block;
}

static int on_panic(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  lab_log("Lua panic: %s", text ? text : "?");
  lab_log_flush();
  return 0; /* Lua aborts */
}

static void on_warning(void *ud, const char *text, int more) {
  static char line[512];
  static size_t len;
  (void)ud;
  int n = snprintf(line + len, sizeof line - len, "%s", text);
  len += n > 0 ? (size_t)n : 0;
  if (len >= sizeof line)
    len = sizeof line - 1;
  if (!more) {
    lab_log("Lua warning: %s", line);
    len = 0;
  }
}

static void register_libraries(lua_State *L) {
  static const char *const names[] = {"string",    "table", "math",
                                      "coroutine", "utf8",  NULL};
  lua_pushglobaltable(L);
  lab_walk_register(L, "", false);
  lua_pop(L, 1);
  for (int i = 0; names[i]; i++) {
    lua_getglobal(L, names[i]);
    lab_walk_register(L, names[i], false);
    lua_pop(L, 1);
  }
}

/* Everything that may raise, protected. */
static int open_all(lua_State *L) {
  luaL_openlibs(L);
  register_libraries(L);
  lua_newtable(L);
  lab_lib_buffer(L);
  lab_lib_cpu(L);
  lab_lib_label(L);
  lab_lib_metric(L);
  lab_lib_task(L);
  lab_lib_sync(L);
  lab_lib_channel(L);
  lab_lib_timer(L);
  lab_lib_file(L);
  lab_lib_http(L);
  lab_lib_process(L);
  lab_lib_server(L);
  lab_lib_base(L);
  lab_walk_register(L, "lab", false);
  lab_steps_open(L);
  return 0;
}

static int open_state(lab_vm *vm, lab_err *err) {
  vm->L = lua_newstate(lab_vm_alloc, NULL);
  if (!vm->L)
    return lab_err_set(err, -ENOMEM, "no memory for the Lua VM");
  *(lab_vm **)lua_getextraspace(vm->L) = vm;
  lua_atpanic(vm->L, on_panic);
  lua_setwarnf(vm->L, on_warning, NULL);
  lab_gc_attach(vm->L);
  lua_gc(vm->L, LUA_GCGEN, 0, 0);
  lua_pushcfunction(vm->L, open_all);
  if (lua_pcall(vm->L, 0, 0, 0) == LUA_OK)
    return 0;
  lab_err_set(err, -EINVAL, "%s", lua_tostring(vm->L, -1));
  lua_close(vm->L);
  return -EINVAL;
}

/* ---- answers ------------------------------------------------------------- */

static void flush_answers(void *arg) {
  lab_vm *vm = arg;
  if (vm->unsent) {
    vm->unsent = 0;
    vm->wake(vm->wake_arg);
  }
}

void lab_vm_answer(lab_vm *vm, lab_exchange *x) {
  uint64_t took = lab_clock_mono() - x->started;
  lab_mpsc_push(&vm->answers, &x->post.node);
  if (++vm->unsent >= BATCH || took > BATCH_NS)
    flush_answers(vm);
}

const lab_vm_services *lab_vm_services_of(const lab_vm *vm) {
  return vm->services;
}

void lab_vm_collect(lab_vm *vm) {
  lab_vm_run_orders(vm);
  lab_mpsc_node *node = lab_mpsc_take_all(&vm->answers);
  while (node) {
    lab_mpsc_node *next = node->next;
    lab_post *post = LAB_CONTAINER(node, lab_post, node);
    lab_exchange *x = LAB_CONTAINER(post, lab_exchange, post);
    x->answered(x);
    node = next;
  }
}

/* ---- the thread ---------------------------------------------------------- */

static void thread_main(void *arg) {
  lab_vm *vm = arg;
  lab_mem_adopt_thread();
  int rc = lab_sampler_attach(vm);
  if (rc)
    lab_log("no time slices: %s", strerror(-rc));
  lab_heap_set_vm_thread();
  lab_contention_watch(vm->sched);
  lab_tracer_attach(vm);
  lab_sched_run(vm->sched);
  lab_tracer_detach(vm);
  lab_contention_unwatch(vm->sched);
  lab_sampler_detach();
  /* Jobs point into coroutines: they end before anything is freed. */
  lab_lua_task_cancel_jobs(vm);
  lab_workers_free(vm->workers);
  vm->workers = NULL;
  lab_sched_deliver(vm->sched); /* what came too late becomes tasks, */
  lab_steps_drop_all(vm);       /* and all of them are answered here */
  lab_lua_task_drop_all(vm);
  flush_answers(vm);
  lab_owned_reclaim(vm, 0, 0);
  rmdir(vm->temp_root);
  lab_gc_detach();
  lua_close(vm->L);
  lab_lua_task_drop_all(vm); /* finalizers may have started some */
  atomic_store(&vm->stopped, true);
}

static char **copy_strings(const char *const *list, size_t n) {
  char **copy = lab_xcalloc(n + 1, sizeof *copy);
  for (size_t i = 0; i < n; i++)
    copy[i] = lab_xstrdup(list[i]);
  return copy;
}

static void free_strings(char **list) {
  for (size_t i = 0; list && list[i]; i++)
    lab_xfree(list[i]);
  lab_xfree(list);
}

static void free_vm(lab_vm *vm) {
  if (vm->sched)
    lab_sched_free(vm->sched);
  free_strings(vm->scenario_dirs);
  free_strings(vm->params);
  lab_xfree(vm->lua_dir);
  lab_xfree(vm->temp_root);
  lab_buf_free(&vm->shown.title);
  lab_buf_free(&vm->shown.params);
  lab_buf_free(&vm->shown.entering.where);
  pthread_mutex_destroy(&vm->shown_lock);
  pthread_mutex_destroy(&vm->fds_lock);
  lab_xfree(vm);
}

static lab_vm *new_vm(const lab_vm_config *config) {
  lab_vm *vm = lab_xcalloc(1, sizeof *vm);
  vm->scenario_dirs =
      copy_strings(config->scenario_dirs, config->nscenario_dirs);
  vm->params = copy_strings(config->params, config->nparams);
  vm->lua_dir = config->lua_dir ? lab_xstrdup(config->lua_dir) : NULL;
  vm->services = config->services;
  vm->wake = config->wake;
  vm->wake_arg = config->arg;
  vm->temp_root = lab_temp_root();
  lab_list_init(&vm->owned);
  lab_list_init(&vm->requests);
  lab_list_init(&vm->errands);
  lab_list_init(&vm->metrics);
  pthread_mutex_init(&vm->shown_lock, NULL);
  pthread_mutex_init(&vm->fds_lock, NULL);
  return vm;
}

void lab_vm_init_profiles(void) {
  lab_heap_init(lab_walk_allocation);
  lab_survey_register();
  lab_leaks_register();
}

int lab_vm_new(lab_vm **out, const lab_vm_config *config, lab_err *err) {
  static const lab_sched_ops ops = {lab_lua_task_resume, flush_answers};
  lab_vm *vm = new_vm(config);
  int rc = lab_sched_new(&vm->sched, &ops, vm);
  if (rc == 0)
    rc = lab_workers_new(&vm->workers, config->workers, vm->sched);
  if (rc) {
    free_vm(vm);
    return lab_err_set(err, rc, "can't start the worker threads: %s",
                       strerror(-rc));
  }
  rc = open_state(vm, err);
  if (rc == 0) {
    rc = lab_thread_start(&vm->thread, "vm", thread_main, vm);
    if (rc == 0) {
      *out = vm;
      lab_picture_of(vm);
      return 0;
    }
    lab_err_set(err, rc, "can't start the VM's thread: %s", strerror(-rc));
    lab_gc_detach();
    lua_close(vm->L);
  }
  lab_workers_free(vm->workers);
  free_vm(vm);
  return rc;
}

void lab_vm_abandon(lab_vm *vm) {
  lab_file_remove_tree(vm->temp_root);
}

bool lab_vm_is_stopping(const lab_vm *vm) {
  return atomic_load(&vm->stopping);
}

bool lab_vm_free(lab_vm *vm, unsigned timeout_ms) {
  uint64_t deadline = lab_clock_mono() + timeout_ms * LAB_MILLISECOND;
  atomic_store(&vm->stopping, true);
  lab_sched_stop(vm->sched);
  while (!atomic_load(&vm->stopped)) {
    if (lab_clock_mono() > deadline)
      return false;
    lab_vm_interrupt(vm);
    struct timespec nap = {0, 2000000};
    nanosleep(&nap, NULL);
  }
  lab_picture_of(NULL);
  lab_thread_join(vm->thread);
  lab_vm_collect(vm);
  lab_vm_free_errands(vm);
  free_vm(vm);
  return true;
}
