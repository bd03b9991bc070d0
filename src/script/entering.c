/* SPDX-License-Identifier: MIT
 * A step that is being entered. Its `enter` may take as long as it likes, and
 * whoever asked for the step waits meanwhile: so the log and /status say that
 * it is under way, and where it is. Its scenario.lua may do so by mistake.
 *
 * Once a second the control thread sends a letter that looks at the task; if
 * the last one has not been delivered yet, the VM is in C code, and the name of
 * the function is all there is to say. */
#include "script/told.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

enum { TELL_AFTER = 3, TELL_FACTOR = 3 }; /* seconds: 3, 9, 27... */

static void begin(lua_State *L, const char *what) {
  lab_vm *vm = lab_vm_of(L);
  lab_entering new = {.what = what, .tell = TELL_AFTER};
  new.step = (int)luaL_checkinteger(L, 1);
  snprintf(new.slug, sizeof new.slug, "%s", luaL_checkstring(L, 2));
  new.since = lab_clock_real();
  pthread_mutex_lock(&vm->shown_lock);
  lab_buf old = vm->shown.entering.where;
  vm->shown.entering = new;
  pthread_mutex_unlock(&vm->shown_lock);
  lab_buf_free(&old);
}

static void enter_phase(const lab_vm *vm, int phase) {
  if (vm->running == vm->switcher)
    atomic_store(&vm->switching->phase, phase);
}

int lab_host_reading(lua_State *L) {
  begin(L, "scenario.lua");
  enter_phase(lab_vm_of(L), LAB_EXCHANGE_READING);
  return 0;
}

int lab_host_leaving(lua_State *L) {
  enter_phase(lab_vm_of(L), LAB_EXCHANGE_BEGUN);
  return 0;
}

/* From now on the switch may take its time. */
int lab_host_entering(lua_State *L) {
  begin(L, "enter");
  enter_phase(lab_vm_of(L), LAB_EXCHANGE_ENTERING);
  return 0;
}

void lab_entering_over(lab_vm *vm) {
  pthread_mutex_lock(&vm->shown_lock);
  lab_buf old = vm->shown.entering.where;
  vm->shown.entering = (lab_entering){0};
  pthread_mutex_unlock(&vm->shown_lock);
  lab_buf_free(&old);
}

/* Under the lock. Whether it is time for a line of the log. */
static bool is_due(lab_entering *e, unsigned *seconds) {
  uint64_t now = lab_clock_real();
  *seconds = now > e->since ? (unsigned)((now - e->since) / LAB_SECOND) : 0;
  if (*seconds < e->tell)
    return false;
  e->tell = *seconds * TELL_FACTOR;
  return true;
}

/* WHERE: what it does, in a line, then perhaps its stack. Takes it. */
static void show(lab_vm *vm, lab_buf *where) {
  unsigned seconds = 0;
  lab_buf_putc(where, '\0'); /* for the log */
  pthread_mutex_lock(&vm->shown_lock);
  lab_entering *e = &vm->shown.entering;
  int step = e->step;
  const char *what = e->what;
  bool due = what && is_due(e, &seconds);
  lab_buf old = e->where;
  if (due)
    lab_log("step %d: %s has not ended after %u s: it is %s", step, what,
            seconds, where->data);
  where->len--;
  e->where = *where;
  pthread_mutex_unlock(&vm->shown_lock);
  lab_buf_free(&old);
}

/* ---- the VM's thread ----------------------------------------------------- */

static int traceback(lua_State *L) {
  luaL_traceback(L, lua_touserdata(L, 1), NULL, 0);
  return 1;
}

static void look(lab_post *post) {
  lab_vm *vm = LAB_CONTAINER(post, lab_vm, look);
  lab_lua_task *t = vm->switcher;
  atomic_store(&vm->looking, false);
  if (!t || !vm->shown.entering.what) /* only this thread writes that */
    return;
  lab_buf where = LAB_BUF_INIT;
  if (t->base.state == LAB_TASK_WAITING)
    lab_buf_printf(&where, "waiting (%s)", lab_wait_name(t->base.wait));
  else
    lab_buf_puts(&where, "running");
  lua_pushcfunction(vm->L, traceback);
  lua_pushlightuserdata(vm->L, t->co);
  if (lua_pcall(vm->L, 1, 1, 0) == LUA_OK)
    lab_buf_printf(&where, "\n%s", lua_tostring(vm->L, -1));
  lua_pop(vm->L, 1);
  show(vm, &where);
}

/* ---- the control thread -------------------------------------------------- */

/* The last letter was not delivered in a second. */
static void look_at_c(lab_vm *vm) {
  char name[128];
  lab_buf where = LAB_BUF_INIT;
  lab_vm_where(vm, name, sizeof name);
  lab_buf_printf(&where, "in %s, which can't be interrupted", name);
  show(vm, &where);
  lab_vm_ask_where(vm); /* for the next time */
}

void lab_vm_tick(lab_vm *vm) {
  pthread_mutex_lock(&vm->shown_lock);
  bool entering = vm->shown.entering.what != NULL;
  pthread_mutex_unlock(&vm->shown_lock);
  if (!entering || lab_vm_is_stopping(vm))
    return;
  if (atomic_exchange(&vm->looking, true)) {
    look_at_c(vm);
    return;
  }
  vm->look.deliver = look;
  lab_vm_ask_where(vm);
  lab_sched_post(vm->sched, &vm->look);
}
