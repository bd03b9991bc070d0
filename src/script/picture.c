/* SPDX-License-Identifier: MIT
 * What the profiles that show tasks have in common (survey.c, leaks.c): the
 * question and its answer, one task's entry, and the forms of the result.
 *
 * Threads: asking and answering: the control thread; ends, add: the VM's; free
 * and the forms: any, one at a time. */
#include "script/vm.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "prof/goroutine.h"
#include "stack/stack.h"

static lab_vm *the_vm; /* the control thread's */

void lab_picture_of(lab_vm *vm) {
  the_vm = vm;
}

lab_vm *lab_picture_vm(void) {
  return the_vm;
}

/* ---- question and answer ------------------------------------------------- */

static void answered(lab_exchange *x) {
  lab_picture *p = LAB_CONTAINER(x, lab_picture, x);
  lab_profile_request *r = p->request;
  r->snapshot = p->tasks;
  lab_xfree(p);
  r->taken(r);
}

void lab_picture_ask(lab_picture *p, lab_vm *vm, lab_profile_request *r,
                     void (*deliver)(lab_post *post)) {
  p->request = r;
  p->x.vm = vm;
  p->x.answered = answered;
  p->x.post.deliver = deliver;
  lab_sched_post(vm->sched, &p->x.post);
}

bool lab_picture_ends(const lab_picture *p) {
  return atomic_load(&p->x.vm->stopping) || atomic_load(&p->request->withdrawn);
}

/* ---- one task ------------------------------------------------------------ */

/* A task that has not run yet is where it will begin. */
static uint32_t entry_of(lua_State *co, int nargs) {
  lua_Debug ar;
  lab_frame frame;
  lua_pushvalue(co, -(nargs + 1));
  uint32_t c = lab_func_find_c((const void *)lua_tocfunction(co, -1));
  lua_getinfo(co, ">S", &ar);
  if (ar.what[0] != 'C')
    frame = lab_frame_script(lab_func_lua(ar.source, ar.srclen, ar.linedefined),
                             ar.linedefined);
  else
    frame = lab_frame_script(c ? c : lab_func_pseudo("[C function]"), 0);
  return lab_stack_intern(&frame, 1);
}

/* Where T is; it isn't running. */
static uint32_t stack_of(lab_lua_task *t) {
  lua_Debug ar;
  if (t->base.stack)
    return t->base.stack;
  if (lua_status(t->co) == LUA_OK && !lua_getstack(t->co, 0, &ar))
    return entry_of(t->co, t->nargs);
  return lab_walk(t->co, 0);
}

static uint16_t minutes_of(const lab_task *base, uint64_t now) {
  if (base->state != LAB_TASK_WAITING || base->since >= now)
    return 0;
  uint64_t minutes = (now - base->since) / (60 * LAB_SECOND);
  return minutes < UINT16_MAX ? (uint16_t)minutes : UINT16_MAX;
}

void lab_picture_add(lab_picture *p, lab_lua_task *t, uint64_t now) {
  const lab_task *base = &t->base;
  lab_goroutine one = {
      .id = base->id,
      .creator = t->creator,
      .stack = stack_of(t),
      .created_by = base->created_by,
      .label = base->label,
      .minutes = minutes_of(base, now),
      .state = base->state,
      .wait = base->wait,
  };
  lab_goroutines_add(p->tasks, &one);
}

/* ---- the forms ----------------------------------------------------------- */

void lab_picture_free(void *tasks) {
  lab_goroutines_free(tasks);
}

int lab_picture_write(const void *now, const void *before, lab_buf *out) {
  return lab_goroutines_write(now, before, out);
}

void lab_picture_write_text(const void *tasks, int debug, lab_buf *out) {
  (void)debug;
  lab_goroutines_write_text(tasks, out);
}

static void *dump_begin(const void *tasks) {
  return lab_goroutine_reader_new(tasks);
}

static bool dump_next(void *reader, lab_buf *out) {
  return lab_goroutine_read(reader, out, 256 << 10);
}

static void dump_end(void *reader) {
  lab_goroutine_reader_free(reader);
}

const lab_profile_stream lab_picture_dump = {dump_begin, dump_next, dump_end};
