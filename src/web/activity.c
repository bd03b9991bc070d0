/* SPDX-License-Identifier: MIT
 * See activity.h. */
#include "web/activity.h"

#include <string.h>

#include "base/clock.h"

/* Moments that are nearer to each other aren't kept. */
static const uint64_t NEAR = 10 * LAB_MILLISECOND;

static lab_activity_mark mark_moment(const lab_activity *a, uint64_t now) {
  uint64_t under_way = a->in_flight > 0 && now > a->since ? now - a->since : 0;
  return (lab_activity_mark){.attempt = a->attempt,
                             .at = now,
                             .begun = a->begun,
                             .ended = a->ended,
                             .busy = a->busy + under_way,
                             .in_flight = a->in_flight};
}

static void follow_attempt(lab_activity *a, uint64_t now) {
  lab_attempt attempt = lab_attempt_now();
  if (attempt.id == a->attempt.id)
    return;
  a->attempt = attempt;
  a->begun = a->ended = a->busy = 0;
  a->since = now;
  a->npast = 0;
  a->changed = attempt.since;
}

/* ---- what is over -------------------------------------------------------- */

static uint64_t span_around(const lab_activity *a, size_t i) {
  return a->past[i + 1].at - a->past[i - 1].at;
}

/* The moment whose neighbours are nearest to each other says least. */
static void forget_moment(lab_activity *a) {
  size_t least = 1;
  for (size_t i = 2; i + 1 < a->npast; i++)
    if (span_around(a, i) < span_around(a, least))
      least = i;
  memmove(&a->past[least], &a->past[least + 1],
          (a->npast - least - 1) * sizeof *a->past);
  a->npast--;
}

static void keep_moment(lab_activity *a, lab_activity_mark m) {
  if (a->npast > 0 && m.at < a->past[a->npast - 1].at)
    return;
  if (a->npast == LAB_ACTIVITY_PAST)
    forget_moment(a);
  a->past[a->npast++] = m;
}

/* A request is about to begin or to end. What was true after the one before was
 * true until now. */
static void note_past(lab_activity *a, uint64_t now) {
  if (a->npast > 0 && now < a->past[a->npast - 1].at + NEAR)
    return;
  keep_moment(a, mark_moment(a, a->changed));
  keep_moment(a, mark_moment(a, now));
}

static uint64_t part_between(uint64_t low, uint64_t high, double part) {
  return low + (high > low ? (uint64_t)((double)(high - low) * part + 0.5) : 0);
}

static lab_activity_mark mark_between(const lab_activity_mark *low,
                                      const lab_activity_mark *high,
                                      uint64_t at) {
  lab_activity_mark m = *low;
  if (at <= low->at || high->at <= low->at)
    return m;
  double part = (double)(at - low->at) / (double)(high->at - low->at);
  m.at = at;
  m.begun = part_between(low->begun, high->begun, part);
  m.ended = part_between(low->ended, high->ended, part);
  m.busy = part_between(low->busy, high->busy, part);
  return m;
}

lab_activity_mark lab_activity_at(lab_activity *a, uint64_t at) {
  follow_attempt(a, lab_clock_mono());
  if (at >= a->changed)
    return mark_moment(a, at);
  size_t i = a->npast;
  while (i > 0 && a->past[i - 1].at > at)
    i--;
  lab_activity_mark high =
      i < a->npast ? a->past[i] : mark_moment(a, a->changed);
  return mark_between(i > 0 ? &a->past[i - 1] : &high, &high, at);
}

/* ---- requests ------------------------------------------------------------ */

void lab_activity_begin(lab_activity *a, uint64_t now) {
  follow_attempt(a, now);
  note_past(a, now);
  a->begun++;
  if (a->in_flight++ == 0)
    a->since = now;
  a->changed = now;
}

void lab_activity_end(lab_activity *a, uint64_t now) {
  note_past(a, now);
  a->ended++;
  if (--a->in_flight == 0)
    a->busy += now > a->since ? now - a->since : 0;
  a->changed = now;
}

unsigned lab_activity_in_flight(const lab_activity *a) {
  return a->in_flight;
}

lab_activity_mark lab_activity_read(lab_activity *a) {
  uint64_t now = lab_clock_mono();
  follow_attempt(a, now);
  return mark_moment(a, now);
}

static double seconds_between(uint64_t from, uint64_t to) {
  return to > from ? (double)(to - from) / 1e9 : 0;
}

/* A recording may begin and end within requests, so it has had the mean of
 * those that began and those that ended. What adds up since the attempt began
 * has had all that began. */
void lab_activity_fill(const lab_activity_mark *from,
                       const lab_activity_mark *to, lab_capture *c) {
  lab_activity_mark zero = {.at = to->attempt.since};
  const lab_activity_mark *begin = from ? from : &zero;
  if (c->at == 0)
    c->at = lab_clock_real();
  c->in_flight = to->in_flight;
  c->seconds = seconds_between(begin->at, to->at);
  if (from && from->attempt.id != to->attempt.id) {
    c->attempt = from->attempt.id;
    return;
  }
  double begun = (double)(to->begun - begin->begun);
  double ended = (double)(to->ended - begin->ended);
  c->attempt = to->attempt.id;
  c->busy = seconds_between(begin->busy, to->busy);
  c->requests = from ? (begun + ended) / 2 : begun;
  if (c->requests < 1 && c->busy > 0)
    c->requests = 1;
}
