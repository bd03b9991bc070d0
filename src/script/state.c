/* SPDX-License-Identifier: MIT
 * What others may know of the VM: the step with its parameters and routes,
 * queues, tasks. The VM's thread shows them when they change; whoever reads
 * never waits for Lua code.
 *
 * Whatever may raise, or takes its time, happens before the lock is taken: the
 * control thread waits for it. */
#include "script/vm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mem/mem.h"

/* ---- the VM's side ------------------------------------------------------- */

static size_t collect_routes(lua_State *L, int scenario,
                             char routes[LAB_ROUTES][LAB_ROUTE_LEN]) {
  size_t n = 0;
  lua_pushliteral(L, "routes");
  if (lua_rawget(L, scenario) == LUA_TTABLE) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
      if (n < LAB_ROUTES && lua_type(L, -2) == LUA_TSTRING)
        snprintf(routes[n++], LAB_ROUTE_LEN, "%s", lua_tostring(L, -2));
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
  return n;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The value on top of the stack, which it pops. */
static void write_value(lua_State *L, lab_buf *out) {
  if (lua_type(L, -1) == LUA_TSTRING) {
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    lab_buf_json_string(out, text, len);
  } else if (lua_isboolean(L, -1)) {
    lab_buf_puts(out, lua_toboolean(L, -1) ? "true" : "false");
  } else if (lua_isinteger(L, -1)) {
    lab_buf_printf(out, "%lld", (long long)lua_tointeger(L, -1));
  } else if (lua_type(L, -1) == LUA_TNUMBER && isfinite(lua_tonumber(L, -1))) {
    lab_buf_double(out, lua_tonumber(L, -1));
  } else {
    lab_buf_puts(out, "null");
  }
  lua_pop(L, 1);
}

/* The table on top of the stack as a JSON object, in the order of keys; all
 * keys are strings. Nothing here raises: it only reads raw fields, for names
 * that are there. */
static void write_params(lua_State *L, lab_buf *out) {
  lab_buf names = LAB_BUF_INIT;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const char *name = lua_tostring(L, -2);
    lab_buf_append(&names, &name, sizeof name);
    lua_pop(L, 1);
  }
  const char **all = (const char **)(void *)names.data;
  size_t n = names.len / sizeof *all;
  if (n > 0) /* else there is no array */
    qsort(all, n, sizeof *all, by_name);
  lab_buf_putc(out, '{');
  for (size_t i = 0; i < n; i++) {
    lab_buf_puts(out, i > 0 ? ", " : "");
    lab_buf_json_string(out, all[i], strlen(all[i]));
    lab_buf_puts(out, ": ");
    lua_pushstring(L, all[i]);
    lua_rawget(L, -2);
    write_value(L, out);
  }
  lab_buf_putc(out, '}');
  lab_buf_free(&names);
}

void lab_vm_show_step(lab_vm *vm, lua_State *L, int scenario) {
  char routes[LAB_ROUTES][LAB_ROUTE_LEN];
  lab_shown new = {.step = vm->step.number, .since = lab_clock_real()};
  memcpy(new.slug, vm->step.slug, sizeof new.slug);
  size_t nroutes = collect_routes(L, scenario, routes);
  lua_pushliteral(L, "title");
  lua_rawget(L, scenario);
  lua_pushliteral(L, "params");
  lua_rawget(L, scenario);
  size_t len;
  const char *title = lua_tolstring(L, -2, &len);
  lab_buf_append(&new.title, title ? title : "", title ? len : 0);
  if (lua_istable(L, -1))
    write_params(L, &new.params);
  lua_pop(L, 2);

  pthread_mutex_lock(&vm->shown_lock);
  lab_shown old = vm->shown;
  vm->shown = new;
  memcpy(vm->routes, routes, nroutes * sizeof routes[0]);
  vm->nroutes = nroutes;
  pthread_mutex_unlock(&vm->shown_lock);
  atomic_store(&vm->step_number, new.step);
  lab_buf_free(&old.title);
  lab_buf_free(&old.params);
  lab_buf_free(&old.entering.where);
}

/* ---- everybody's --------------------------------------------------------- */

static void copy(lab_buf *to, const lab_buf *from, const char *none) {
  if (from->len > 0)
    lab_buf_append(to, from->data, from->len);
  else
    lab_buf_puts(to, none);
}

static void read_entering(const lab_entering *e, lab_vm_state *s) {
  s->entering = e->what != NULL;
  s->entering_step = e->step;
  s->entering_since = e->since;
  memcpy(s->entering_slug, e->slug, sizeof s->entering_slug);
  copy(&s->entering_where, &e->where, "");
}

static void read_tasks(const lab_sched *sched, lab_vm_state *s) {
  s->tasks = lab_sched_count(sched);
  s->running = lab_sched_running(sched) != NULL;
  size_t others = s->running + lab_sched_waiting_for(sched, LAB_WAIT_NONE);
  for (lab_wait why = LAB_WAIT_NONE + 1; why < LAB_WAIT_KINDS; why++) {
    s->waiting[why] = lab_sched_waiting_for(sched, why);
    others += s->waiting[why];
  }
  /* The numbers were read one after the other, while tasks went on. */
  s->runnable = s->tasks > others ? s->tasks - others : 0;
}

void lab_vm_read(lab_vm *vm, lab_vm_state *s) {
  memset(s, 0, sizeof *s);
  pthread_mutex_lock(&vm->shown_lock);
  s->step = vm->shown.step;
  s->since = vm->shown.since;
  memcpy(s->slug, vm->shown.slug, sizeof s->slug);
  copy(&s->title, &vm->shown.title, "");
  copy(&s->params, &vm->shown.params, "{}");
  read_entering(&vm->shown.entering, s);
  pthread_mutex_unlock(&vm->shown_lock);
  s->memory_limit = atomic_load(&vm->memory_limit);
  lab_fd_read(vm, &s->fds, &s->fd_limit);
  size_t delivered = atomic_load(&vm->delivered);
  size_t posted = atomic_load(&vm->posted);
  s->queued = posted - delivered;
  read_tasks(vm->sched, s);
  lab_workers_read(vm->workers, &s->workers);
}

void lab_vm_state_free(lab_vm_state *s) {
  lab_buf_free(&s->title);
  lab_buf_free(&s->params);
  lab_buf_free(&s->entering_where);
}

int lab_vm_step(lab_vm *vm) {
  return atomic_load(&vm->step_number);
}

lab_sched *lab_vm_sched(lab_vm *vm) {
  return vm->sched;
}

bool lab_vm_has_route(lab_vm *vm, const char *path, size_t len) {
  bool found = false;
  pthread_mutex_lock(&vm->shown_lock);
  for (size_t i = 0; i < vm->nroutes && !found; i++)
    found =
        strlen(vm->routes[i]) == len && memcmp(vm->routes[i], path, len) == 0;
  pthread_mutex_unlock(&vm->shown_lock);
  return found;
}
