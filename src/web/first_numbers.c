/* SPDX-License-Identifier: MIT
 * See first_numbers.h. */
#include "web/first_numbers.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "loop/work.h"
#include "prof/attempt.h"
#include "web/activity.h"
#include "web/exposition.h"
#include "web/metrics.h"
#include "web/vars.h"
#include "web/web_internal.h"

/* One of the start and one of a switch. A crowd of switches has no more: it
 * would keep the pool from all else. */
enum { UNDER_WAY_MOST = 2 };

typedef struct first_look {
  lab_work work;
  lab_web *web;
  lab_activity_mark began;
  lab_metrics_facts facts;
  lab_buf metrics, vars;
  void (*taken)(void *arg);
  void *arg;
} first_look;

static void write_first_numbers(lab_work *work) {
  first_look *f = LAB_CONTAINER(work, first_look, work);
  lab_exposition e = {.out = &f->metrics};
  lab_metrics_write(&f->facts, &e);
  lab_vars_write(f->web, false, &f->vars);
}

static lab_capture *make_first_capture(const first_look *f, const char *kind,
                                       lab_buf *text) {
  lab_buf_trim(text);
  lab_capture *c = lab_capture_new(kind, lab_blob_take(text));
  lab_activity_fill(NULL, &f->began, c);
  c->step = f->facts.vm.step.number;
  memcpy(c->slug, f->facts.vm.step.slug, sizeof c->slug);
  return c;
}

/* Did a request come while they were written, or is another step served? */
static bool is_first_look_spoilt(first_look *f) {
  lab_activity_mark now = lab_activity_read(&f->web->activity);
  return now.attempt.id != f->began.attempt.id || now.begun > 0;
}

static void on_first_numbers_written(lab_work *work) {
  first_look *f = LAB_CONTAINER(work, first_look, work);
  lab_web *web = f->web;
  web->first_numbers.under_way--;
  if (!web->stopping && !is_first_look_spoilt(f)) {
    lab_first_numbers_free(&web->first_numbers);
    web->first_numbers.of[0] = make_first_capture(f, "metrics", &f->metrics);
    web->first_numbers.of[1] = make_first_capture(f, "vars", &f->vars);
    for (unsigned i = 0; i < LAB_FIRST_NUMBERS; i++)
      web->first_numbers.of[i]->id = i + 1;
  }
  lab_metrics_free(&f->facts);
  lab_buf_free(&f->metrics);
  lab_buf_free(&f->vars);
  if (f->taken)
    f->taken(f->arg);
  if (lab_attempt_now().id != f->began.attempt.id)
    lab_first_numbers_take(web, NULL, NULL);
  lab_xfree(f);
}

bool lab_first_numbers_take(lab_web *web, void (*taken)(void *arg), void *arg) {
  const lab_capture *known = web->first_numbers.of[0];
  lab_activity_mark now = lab_activity_read(&web->activity);
  if (web->stopping || web->first_numbers.under_way == UNDER_WAY_MOST ||
      (known && known->attempt == now.attempt.id))
    return false;
  web->first_numbers.under_way++;
  first_look *f = lab_xcalloc(1, sizeof *f);
  f->web = web;
  f->taken = taken;
  f->arg = arg;
  f->began = now;
  lab_metrics_collect(web, false, &f->facts);
  lab_work_begin(&f->work, web->config.loop, LAB_TURN_SOON, write_first_numbers,
                 on_first_numbers_written);
  return true;
}

size_t lab_first_numbers_get(lab_web *web, uint64_t attempt,
                             lab_capture *out[LAB_FIRST_NUMBERS]) {
  lab_capture *const *of = web->first_numbers.of;
  if (!of[0] || of[0]->attempt != attempt)
    return 0;
  for (size_t i = 0; i < LAB_FIRST_NUMBERS; i++)
    out[i] = lab_capture_ref(of[i]);
  return LAB_FIRST_NUMBERS;
}

void lab_first_numbers_free(lab_first_numbers *numbers) {
  for (size_t i = 0; i < LAB_FIRST_NUMBERS; i++) {
    lab_capture_unref(numbers->of[i]);
    numbers->of[i] = NULL;
  }
}
