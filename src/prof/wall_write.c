/* SPDX-License-Identifier: MIT
 * See wall_write.h.
 *
 * Both halves know of the time that a task waited for a worker's job: the
 * scheduler how long that was, the samples how much of it was computing. So
 * that no time is counted twice, what was sampled is taken off.
 *
 * The same is done with the time that tasks had the VM. What is left of it was
 * not spent computing: the kernel had other things to do. Of a call that kept
 * the VM it is known how long it took, and so how long it waited. Elsewhere
 * that can happen anywhere, so it is shown where the other samples are, in
 * proportion to them.
 *
 * Of computing that was seen without its task (lost samples) nobody knows whose
 * time it was: it is taken off all of them, likewise in proportion. */
#include "prof/wall_write.h"

#include "prof/export.h"
#include "prof/spread.h"
#include "prof/wall_internal.h"
#include "stack/stack.h"

typedef struct writer {
  lab_buf rows; /* lab_spread_row[]: what there is to show */
  const lab_wall_table *states;
  lab_wall_table in_job;  /* (stack, label): sampled in jobs of tasks there */
  lab_wall_table in_kept; /* (stack, label): in calls from there that kept the
                             VM; and how long these took */
  lab_wall_table kept;
  lab_wall_table on_vm;   /* (label): sampled elsewhere on the VM's thread; */
  lab_wall_table running; /* and as the scheduler says */
  uint64_t unknown;       /* computed on the VM's thread by nobody knows whom */
  double off_part; /* of the time that was not seen on the CPU: what was off */
} writer;

/* The number that T has for KEY, 0 if it is new. */
static uint64_t *time_of_key(lab_wall_table *t, lab_key key) {
  lab_wall_add(t, key, 0);
  return &lab_wall_ns(t)[lab_keymap_add(&t->keys, key)];
}

static void write_wall_time(writer *w, uint32_t stack, uint32_t label,
                            const char *state, uint64_t ns) {
  lab_spread_row row = {
      .stack = stack, .label = label, .state = state, .ns = (int64_t)ns};
  if (ns > 0)
    lab_buf_append(&w->rows, &row, sizeof row);
}

/* The frame [NAME], called by STACK. */
static uint32_t push_pseudo_frame(const char *name, uint32_t stack) {
  lab_frame frames[1 + LAB_STACK_DEPTH];
  const lab_frame *callers;
  size_t n = lab_stack_frames(stack, &callers);
  frames[0] = lab_frame_script(lab_func_pseudo(name), 0);
  for (size_t i = 0; i < n; i++) /* a leaf is no return address, others are */
    frames[i + 1] =
        callers[i] + (i == 0 && !lab_frame_is_script(callers[i]) ? 1 : 0);
  return lab_stack_intern(frames, n + 1);
}

/* ---- on ------------------------------------------------------------------ */

/* Whether a sample belongs to a call from STACK that kept the VM. */
static bool is_in_kept(writer *w, lab_cpu_owner owner, uint32_t stack,
                       uint32_t label) {
  return owner == LAB_CPU_VM && stack &&
         *time_of_key(&w->kept, (lab_key){stack, label, 0}) > 0;
}

static void write_cpu_time(uint32_t stack, uint32_t label, int64_t ns,
                           lab_cpu_owner owner, uint32_t call, void *arg) {
  writer *w = arg;
  if (is_in_kept(w, owner, call, label))
    lab_wall_add(&w->in_kept, (lab_key){call, label, 0}, (uint64_t)ns);
  else if (owner == LAB_CPU_VM)
    lab_wall_add(&w->on_vm, (lab_key){label, 0, 0}, (uint64_t)ns);
  else if (owner == LAB_CPU_VM_UNKNOWN)
    w->unknown += (uint64_t)ns;
  else if (owner == LAB_CPU_JOB)
    lab_wall_add(&w->in_job, (lab_key){call, label, 0}, (uint64_t)ns);
  write_wall_time(w, stack, label, "running", (uint64_t)ns);
}

static uint64_t subtract_time(uint64_t from, uint64_t ns) {
  return from > ns ? from - ns : 0;
}

/* The time in which tasks with LABEL had the VM and were not seen computing,
 * but for that in calls. */
static uint64_t time_unseen(writer *w, uint32_t label) {
  return subtract_time(*time_of_key(&w->running, (lab_key){label, 0, 0}),
                       *time_of_key(&w->on_vm, (lab_key){label, 0, 0}));
}

static void find_off_part(writer *w) {
  uint64_t unseen = 0;
  for (size_t i = 0; i < w->running.keys.count; i++)
    unseen += time_unseen(w, (uint32_t)w->running.keys.keys[i].a);
  w->off_part = unseen > 0
                    ? (double)subtract_time(unseen, w->unknown) / (double)unseen
                    : 1;
}

static uint64_t time_off_cpu(writer *w, uint32_t label) {
  return (uint64_t)((double)time_unseen(w, label) * w->off_part);
}

static void write_off_cpu_time(uint32_t stack, uint32_t label, int64_t ns,
                               lab_cpu_owner owner, uint32_t call, void *arg) {
  writer *w = arg;
  if (owner != LAB_CPU_VM || is_in_kept(w, owner, call, label))
    return;
  double all = (double)*time_of_key(&w->on_vm, (lab_key){label, 0, 0});
  double share = (double)time_off_cpu(w, label) * ((double)ns / all);
  write_wall_time(w, push_pseudo_frame("[running, off CPU]", stack), label,
                  "running", (uint64_t)share);
}

static void write_kept_time(writer *w) {
  for (size_t i = 0; i < w->kept.keys.count; i++) {
    lab_key key = w->kept.keys.keys[i];
    uint64_t ns = subtract_time(*time_of_key(&w->kept, key),
                                *time_of_key(&w->in_kept, key));
    write_wall_time(w, push_pseudo_frame("[running, off CPU]", (uint32_t)key.a),
                    (uint32_t)key.b, "running", ns);
  }
}

/* The time of labels that were never seen on the CPU. */
static void write_unseen_time(writer *w) {
  uint32_t nowhere = push_pseudo_frame("[running, off CPU]", 0);
  for (size_t i = 0; i < w->running.keys.count; i++) {
    lab_key key = w->running.keys.keys[i];
    if (*time_of_key(&w->on_vm, key) == 0)
      write_wall_time(w, nowhere, (uint32_t)key.a, "running",
                      time_off_cpu(w, (uint32_t)key.a));
  }
}

/* What the scheduler says of the time that tasks had the VM, in calls and
 * elsewhere. */
static void note_running_time(writer *w) {
  const lab_wall_table *states = w->states;
  for (size_t i = 0; i < states->keys.count; i++) {
    lab_key key = states->keys.keys[i];
    uint64_t ns = lab_wall_ns(states)[i];
    if (key.c == LAB_WALL_KEPT)
      lab_wall_add(&w->kept, (lab_key){key.a, key.b, 0}, ns);
    else if (key.c == LAB_WALL_STATE(LAB_TASK_RUNNING, LAB_WAIT_NONE))
      lab_wall_add(&w->running, (lab_key){key.b, 0, 0}, ns);
  }
  for (size_t i = 0; i < w->kept.keys.count; i++) {
    lab_key label = {w->kept.keys.keys[i].b, 0, 0};
    uint64_t *running = time_of_key(&w->running, label);
    *running = subtract_time(*running, lab_wall_ns(&w->kept)[i]);
  }
}

/* ---- off ----------------------------------------------------------------- */

static void write_state_time(writer *w, const lab_key *key, uint64_t ns) {
  uint32_t stack = (uint32_t)key->a, label = (uint32_t)key->b;
  lab_task_state state = (lab_task_state)(key->c >> 8);
  lab_wait why = (lab_wait)(key->c & 0xff);
  if (state == LAB_TASK_RUNNING)
    return; /* note_running_time */
  if (state == LAB_TASK_RUNNABLE) {
    write_wall_time(w, push_pseudo_frame("[runnable]", stack), label,
                    "runnable", ns);
  } else {
    uint64_t computed = 0;
    if (why == LAB_WAIT_WORKER)
      computed = *time_of_key(&w->in_job, (lab_key){stack, label, 0});
    write_wall_time(w, stack, label, lab_wait_name(why),
                    ns > computed ? ns - computed : 0);
  }
}

/* ---- both ---------------------------------------------------------------- */

static void export_rows(writer *w, int64_t period, lab_export *e) {
  lab_spread_row *rows = (void *)w->rows.data;
  size_t n = w->rows.len / sizeof *rows;
  lab_spread_count(rows, n, period);
  for (size_t i = 0; i < n; i++) {
    const int64_t values[] = {rows[i].count, rows[i].ns};
    lab_export_state_sample(e, rows[i].stack, rows[i].label, rows[i].state,
                            values);
  }
}

static void free_table(lab_wall_table *t) {
  lab_keymap_free(&t->keys);
  lab_buf_free(&t->ns);
}

int lab_wall_write(lab_wall *wall, lab_buf *out) {
  static const lab_profile_type types[] = {{"samples", "count"},
                                           {"time", "nanoseconds"}};
  lab_cpu_stop(wall->cpu);
  writer w = {.states = &wall->states};
  int64_t period = (int64_t)lab_cpu_period_us(wall->cpu) * 1000;
  lab_profile_config config = {
      .types = types,
      .ntypes = 2,
      .period_type = {"wallclock", "nanoseconds"},
      .period = period,
      .time_ns = (int64_t)wall->began_real,
      .duration_ns =
          (int64_t)(atomic_load(&wall->ended_mono) - wall->began_mono)};
  note_running_time(&w);
  lab_cpu_each_owner(wall->cpu, write_cpu_time, &w);
  const lab_wall_table *states = &wall->states;
  for (size_t i = 0; i < states->keys.count; i++)
    write_state_time(&w, &states->keys.keys[i], lab_wall_ns(states)[i]);
  write_kept_time(&w);
  find_off_part(&w);
  write_unseen_time(&w);
  lab_cpu_each_owner(wall->cpu, write_off_cpu_time, &w);
  lab_export *e = lab_export_new(&config, wall->attempt);
  export_rows(&w, period, e);
  int rc = lab_export_finish(e, out);
  lab_export_free(e);
  lab_buf_free(&w.rows);
  free_table(&w.on_vm);
  free_table(&w.in_job);
  free_table(&w.in_kept);
  free_table(&w.kept);
  free_table(&w.running);
  return rc;
}
