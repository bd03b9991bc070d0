/* SPDX-License-Identifier: MIT
 * See entry_watch.h. */
#include "scenario/entry_watch.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "scenario/scenario.h"
#include "vm/preempt.h"
#include "vm/vm.h"

enum { TELL_AFTER = 3, TELL_FACTOR = 3 }; /* seconds: 3, 9, 27... */

/* Replaces what is shown; takes NEW. */
static void show_entry(lab_vm *vm, lab_entry new) {
  lab_shown *shown = &vm->scenario->shown;
  pthread_mutex_lock(&shown->lock);
  lab_buf old = shown->entry.where;
  shown->entry = new;
  pthread_mutex_unlock(&shown->lock);
  lab_buf_free(&old);
}

void lab_entry_watch_begin(lab_vm *vm, int number, const char *slug,
                           const char *what) {
  lab_entry new = {.what = what, .number = number, .tell = TELL_AFTER};
  snprintf(new.slug, sizeof new.slug, "%s", slug);
  new.since = lab_clock_real();
  new.since_mono = lab_clock_mono();
  show_entry(vm, new);
}

void lab_entry_watch_end(lab_vm *vm) {
  show_entry(vm, (lab_entry){0});
}

/* Under the lock. Whether it is time for a line of the log. */
static bool is_due(lab_entry *e, unsigned *seconds) {
  *seconds = (unsigned)((lab_clock_mono() - e->since_mono) / LAB_SECOND);
  if (*seconds < e->tell)
    return false;
  e->tell = *seconds * TELL_FACTOR;
  return true;
}

/* WHERE: what it does, in a line, then perhaps its stack. Takes it. */
static void show_where(lab_vm *vm, lab_buf *where) {
  lab_shown *shown = &vm->scenario->shown;
  lab_entry *e = &shown->entry;
  unsigned seconds = 0;
  lab_buf line = LAB_BUF_INIT;
  lab_buf_append(&line, where->data, where->len);
  lab_buf_putc(&line, '\0');
  pthread_mutex_lock(&shown->lock);
  int number = e->number;
  const char *what = e->what;
  bool due = what && is_due(e, &seconds);
  lab_buf old = e->where;
  e->where = *where;
  pthread_mutex_unlock(&shown->lock);
  if (due)
    lab_log("step %d: %s has not ended after %u s: it is %s", number, what,
            seconds, line.data);
  lab_buf_free(&line);
  lab_buf_free(&old);
}

/* ---- the VM's thread ----------------------------------------------------- */

static int push_traceback(lua_State *L) {
  luaL_traceback(L, lua_touserdata(L, 1), NULL, 0);
  return 1;
}

static void deliver_look(lab_post *post) {
  lab_scenario *s = LAB_CONTAINER(post, lab_scenario, watch.look);
  lab_vm *vm = s->vm;
  const lab_lua_task *t = s->switches.task;
  atomic_store(&s->watch.looking, false);
  if (!t || !s->shown.entry.what) /* only this thread writes that */
    return;
  lab_buf where = LAB_BUF_INIT;
  if (t->base.state == LAB_TASK_WAITING)
    lab_buf_printf(&where, "waiting (%s)", lab_wait_name(t->base.wait));
  else
    lab_buf_puts(&where, "running");
  lua_pushcfunction(vm->L, push_traceback);
  lua_pushlightuserdata(vm->L, t->co);
  if (lua_pcall(vm->L, 1, 1, 0) == LUA_OK)
    lab_buf_printf(&where, "\n%s", lua_tostring(vm->L, -1));
  lua_pop(vm->L, 1);
  show_where(vm, &where);
}

/* ---- the control thread -------------------------------------------------- */

/* The last look was not delivered in a second. */
static void look_at_c(lab_vm *vm) {
  char name[128];
  lab_buf where = LAB_BUF_INIT;
  lab_preempt_where(name, sizeof name);
  lab_buf_printf(&where, "in %s, which can't be interrupted", name);
  show_where(vm, &where);
  lab_preempt_ask_where(vm); /* for the next time */
}

void lab_entry_watch_tick(lab_vm *vm) {
  lab_scenario *s = vm->scenario;
  pthread_mutex_lock(&s->shown.lock);
  bool entering = s->shown.entry.what != NULL;
  pthread_mutex_unlock(&s->shown.lock);
  if (!entering || atomic_load(&vm->stopping))
    return;
  if (atomic_exchange(&s->watch.looking, true)) {
    look_at_c(vm);
    return;
  }
  s->watch.look.deliver = deliver_look;
  lab_preempt_ask_where(vm);
  lab_sched_post(vm->sched, &s->watch.look);
}
