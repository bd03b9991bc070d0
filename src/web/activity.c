/* SPDX-License-Identifier: MIT
 * See activity.h. */
#include "web/activity.h"

#include "base/clock.h"

static void follow_attempt(lab_activity *a, uint64_t now) {
  lab_attempt attempt = lab_attempt_now();
  if (attempt.id == a->attempt.id)
    return;
  a->attempt = attempt;
  a->begun = a->ended = a->busy = 0;
  a->since = now;
}

void lab_activity_begin(lab_activity *a, uint64_t now) {
  follow_attempt(a, now);
  a->begun++;
  if (a->in_flight++ == 0)
    a->since = now;
}

void lab_activity_end(lab_activity *a, uint64_t now) {
  a->ended++;
  if (--a->in_flight > 0)
    return;
  a->busy += now > a->since ? now - a->since : 0;
}

unsigned lab_activity_in_flight(const lab_activity *a) {
  return a->in_flight;
}

lab_activity_mark lab_activity_read(lab_activity *a) {
  uint64_t now = lab_clock_mono();
  follow_attempt(a, now);
  uint64_t under_way = a->in_flight > 0 && now > a->since ? now - a->since : 0;
  return (lab_activity_mark){.attempt = a->attempt,
                             .at = now,
                             .begun = a->begun,
                             .ended = a->ended,
                             .busy = a->busy + under_way,
                             .in_flight = a->in_flight};
}

static double seconds_between(uint64_t from, uint64_t to) {
  return to > from ? (double)(to - from) / 1e9 : 0;
}

/* A recording may begin and end within requests, so it has had the mean of
 * those that began and those that ended. What adds up since the attempt began
 * has had all that began. */
void lab_activity_fill(const lab_activity_mark *from,
                       const lab_activity_mark *to, lab_capture *c) {
  bool whole = !from || from->attempt.id != to->attempt.id;
  lab_activity_mark zero = {.at = to->attempt.since};
  const lab_activity_mark *begin = whole ? &zero : from;
  double begun = (double)(to->begun - begin->begun);
  double ended = (double)(to->ended - begin->ended);
  c->attempt = to->attempt.id;
  c->at = lab_clock_real();
  c->seconds = seconds_between(begin->at, to->at);
  c->busy = seconds_between(begin->busy, to->busy);
  c->in_flight = to->in_flight;
  c->requests = whole ? begun : (begun + ended) / 2;
  if (c->requests < 1 && c->busy > 0)
    c->requests = 1;
}
