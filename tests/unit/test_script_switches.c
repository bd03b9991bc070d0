/* SPDX-License-Identifier: MIT
 * A switch whose client is in a hurry interrupts what keeps the VM, at any
 * moment of the switch: never the switch itself, never what the step that it
 * has entered runs, and nothing if the step that is served stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "script/script.h"
#include "stack/unwind.h"
#include "vm/vm.h"

enum {
  SWITCHES = 300,
  TASKS = 20, /* as many as the scenario has */
  FULL_SWITCHES = 20,
  FULL_TASKS = 5000,
};

static void no_wake(void *arg) {
  (void)arg;
}

static void note_answered(lab_call *call) {
  *(bool *)call->user = true;
}

static void nap(long us) {
  struct timespec t = {0, us * 1000};
  nanosleep(&t, NULL);
}

/* Switches, and interrupts again and again, PAUSE apart. */
static void switch_in_a_hurry(lab_vm *vm, int step, long pause, int status) {
  bool answered = false;
  lab_switch x = {.call = {.answered = note_answered, .user = &answered},
                  .step = step,
                  .query = ""};
  lab_switch_send(vm, &x);
  while (!answered) {
    lab_switches_interrupt(vm, &x);
    lab_vm_collect(vm);
    nap(pause);
  }
  if (x.status != status)
    fail_msg("step %d: %d %.*s", step, x.status, (int)x.reply.len,
             x.reply.data);
  lab_buf_free(&x.reply);
}

/* A switch to FIRST, and one to SECOND right after it, which is in a hurry ->
 * what the second one is answered. */
static int push_aside(lab_vm *vm, int first, int second, long pause) {
  bool answered[2] = {false, false};
  lab_switch x[2];
  for (int i = 0; i < 2; i++) {
    x[i] =
        (lab_switch){.call = {.answered = note_answered, .user = &answered[i]},
                     .step = i == 0 ? first : second,
                     .query = ""};
    lab_switch_send(vm, &x[i]);
  }
  while (!answered[0] || !answered[1]) {
    lab_vm_collect(vm);
    nap(pause);
    lab_switches_interrupt(vm, &x[1]);
  }
  for (int i = 0; i < 2; i++)
    lab_buf_free(&x[i].reply);
  return x[1].status;
}

static bool await_no_tasks(lab_vm *vm) {
  uint64_t stop = lab_clock_mono() + 20 * LAB_SECOND;
  while (lab_sched_count(vm->sched) > 0 && lab_clock_mono() < stop) {
    lab_vm_collect(vm);
    nap(1000);
  }
  return lab_sched_count(vm->sched) == 0;
}

static lab_vm *start_vm(void) {
  const char *dirs[] = {LAB_SOURCE_DIR "/tests/unit/scenarios",
                        LAB_SOURCE_DIR "/scenarios"};
  lab_vm_config config = {.wake = no_wake,
                          .scenario = {.dirs = dirs, .ndirs = 2}};
  lab_vm *vm;
  lab_err err = {""};
  if (lab_vm_new(&vm, &config, &err))
    fail_msg("%s", err.text);
  return vm;
}

static void test_hurried(void **state) {
  (void)state;
  lab_vm *vm = start_vm();
  for (int i = 0; i < SWITCHES; i++) {
    switch_in_a_hurry(vm, 77, i % 10 * 10, 200);
    nap(1000);
    assert_true(lab_sched_count(vm->sched) >= TASKS);
    switch_in_a_hurry(vm, 0, i % 10 * 10, 200);
  }
  assert_true(lab_vm_free(vm, 5000));
}

/* The tasks would end. */
static void test_step_stays(void **state) {
  (void)state;
  lab_vm *vm = start_vm();
  switch_in_a_hurry(vm, 77, 10, 200);
  for (int i = 0; i < SWITCHES; i++) {
    switch_in_a_hurry(vm, 9999, i % 10 * 10, 400);
    assert_true(lab_sched_count(vm->sched) >= TASKS);
  }
  assert_true(lab_vm_free(vm, 5000));
}

/* A step that is full is left, and a later switch pushes that one aside. It
 * enters nothing, or a step that may have less memory than is in use: what was
 * left is given back all the same. */
static void test_full_step_is_given_back(void **state) {
  (void)state;
  lab_vm *vm = start_vm();
  for (int i = 0; i < FULL_SWITCHES; i++) {
    switch_in_a_hurry(vm, 78, 1000, 200);
    assert_true(lab_sched_count(vm->sched) > FULL_TASKS);
    bool enters = i % 2; /* or there is no such step */
    int status = push_aside(vm, 0, enters ? 79 : 9999, i % 20 * 200);
    assert_int_equal(status, enters ? 200 : 400);
    switch_in_a_hurry(vm, 0, 1000, 200); /* it may not have been left yet */
    if (!await_no_tasks(vm))
      fail_msg("round %d: %zu tasks", i, lab_sched_count(vm->sched));
  }
  assert_true(lab_vm_free(vm, 5000));
}

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hurried), cmocka_unit_test(test_step_stays),
      cmocka_unit_test(test_full_step_is_given_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
