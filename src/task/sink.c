/* SPDX-License-Identifier: MIT
 * See sink.h: a list of sinks, each of which is told everything. */
#include "task/sink.h"

#include "base/probe.h"
#include "task/sched_internal.h"

static void update_precise(lab_sched *s) {
  s->precise = s->close = false;
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next) {
    s->precise |= sink->precise;
    s->close |= sink->precise || sink->close;
  }
}

void lab_sched_deliver_all(lab_mpsc_node *letters) {
  while (letters) {
    lab_post *post = LAB_CONTAINER(letters, lab_post, node);
    letters = letters->next; /* deliver may reuse or free it */
    post->deliver(post);
  }
}

void lab_sched_look_ahead(lab_sched *s) {
  if (lab_mpsc_empty(&s->ahead))
    return;
  lab_sched_deliver_all(lab_mpsc_take_all(&s->ahead));
  s->switched = 0;
}

void lab_sched_add_sink(lab_sched *s, lab_task_sink *sink) {
  sink->next = s->sinks;
  s->sinks = sink;
  update_precise(s);
}

void lab_sched_remove_sink(lab_sched *s, lab_task_sink *sink) {
  lab_task_sink **at = &s->sinks;
  while (*at && *at != sink)
    at = &(*at)->next;
  if (*at)
    *at = sink->next;
  update_precise(s);
}

bool lab_sched_is_close(const lab_sched *s) {
  return s->close;
}

void lab_sched_contended(lab_sched *s, const lab_task *holder, uint32_t stack,
                         unsigned times, uint64_t ns) {
  LAB_PROBE2(lock__contended, holder->id, ns);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->contended)
      sink->contended(sink, holder, stack, times, ns);
}

void lab_sched_lock_changes(lab_sched *s, const void *lock,
                            lab_lock_kind kind) {
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->lock_changes)
      sink->lock_changes(sink, lock, kind);
}

void lab_sched_kept(lab_sched *s, const lab_task *task, uint32_t stack,
                    uint64_t from, uint64_t until) {
  lab_sched_look(s);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->kept)
      sink->kept(sink, task, stack, from, until);
}

void lab_sched_region(lab_sched *s, const lab_task *task, const char *name,
                      bool enters, uint32_t stack) {
  lab_sched_look(s);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->region)
      sink->region(sink, task, name, enters, stack);
}

uint64_t lab_sched_new_user_task(lab_sched *s) {
  return ++s->last_user_task;
}

uint64_t lab_sched_begin_user_task(lab_sched *s, const lab_task *task,
                                   const char *name, uint32_t stack) {
  lab_sched_look(s);
  uint64_t id = lab_sched_new_user_task(s);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->user_task_began)
      sink->user_task_began(sink, task, id, task->user_task, name, stack);
  return id;
}

void lab_sched_end_user_task(lab_sched *s, const lab_task *task, uint64_t id,
                             const char *name, uint32_t stack) {
  lab_sched_look(s);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->user_task_ended)
      sink->user_task_ended(sink, task, id, name, stack);
}

bool lab_sched_is_traced(lab_sched *s) {
  lab_sched_look(s);
  for (lab_task_sink *sink = s->sinks; sink; sink = sink->next)
    if (sink->region || sink->user_task_began)
      return true;
  return false;
}
