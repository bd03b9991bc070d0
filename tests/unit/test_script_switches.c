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

enum { SWITCHES = 300, TASKS = 20 }; /* as many as the scenario has */

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

int main(void) {
  lab_mem_init();
  lab_thread_adopt("test");
  lab_unwind_init();
  lab_cpu_init();
  lab_vm_init_profiles();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_hurried),
                                     cmocka_unit_test(test_step_stays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
