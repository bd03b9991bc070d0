/* SPDX-License-Identifier: MIT
 * CPU samples on a worker: the job's native frames on top of the stack that the
 * submitter left, under its labels, and nothing of the worker's machinery. */
#include "prof_worker.h"

#include "base/clock.h"
#include "base/thread.h"
#include "prof/cpu.h"
#include "prof/label.h"
#include "stack/unwind.h"

static uint64_t burnt;

__attribute__((noinline)) void burn_in_job(lab_job *job);
__attribute__((noinline)) void burn_in_job(lab_job *job) {
  (void)job;
  volatile unsigned sink = 0;
  uint64_t from = lab_clock_thread_cpu();
  while (lab_clock_thread_cpu() - from < 300 * LAB_MILLISECOND)
    for (int i = 0; i < 1000; i++)
      sink += (unsigned)i;
  burnt = lab_clock_thread_cpu() - from;
}

/* burn_in_job stands directly on its submitter. */
static void check_stack(const fx_profile *p, const fx_sample *s) {
  size_t n = s->nframes;
  assert_true(n >= 3);
  assert_true(fx_frame_is(p, s, n - 1, "main.handler"));
  assert_true(fx_frame_is(p, s, n - 2, "lua.submit"));
  assert_true(fx_frame_is(p, s, n - 3, "burn_in_job"));
  assert_true(fx_has_label(p, s, "step", "cpu"));
  assert_true(fx_has_label(p, s, "route", "/report"));
}

static void a_job_is_charged_to_its_submitter(void **state) {
  (void)state;
  lab_cpu_session *session;
  assert_int_equal(lab_cpu_start(&session, 1000, NULL), 0);
  worker_run_job(burn_in_job, worker_stack("lua.submit"),
                 lab_label_intern(0, "cpu", "/report"));
  lab_cpu_stop(session);
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(lab_cpu_write(session, &out), 0);
  lab_cpu_free(session);
  fx_profile *p = fx_read(&out);
  int64_t charged = fx_cum(p, "lua.submit", 1);
  assert_true(charged >= (int64_t)(0.95 * (double)burnt));
  assert_true(charged <= (int64_t)(1.05 * (double)burnt));
  for (size_t i = 0; i < p->nsamples; i++)
    if (fx_has(p, &p->samples[i], "burn_in_job"))
      check_stack(p, &p->samples[i]);
  fx_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_job_is_charged_to_its_submitter),
  };
  lab_thread_adopt("main");
  if (lab_unwind_init() || lab_cpu_init())
    return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  lab_thread_abandon();
  return failed;
}
