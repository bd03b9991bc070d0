/* SPDX-License-Identifier: MIT
 * See flight_chunk.h. */
#include "trace/flight_chunk.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "base/varint.h"

const char *const lab_flight_shapes[FLIGHT_KINDS] = {
    [FLIGHT_CREATE] = "Gtssn",
    [FLIGHT_START] = "g",
    [FLIGHT_BLOCK] = "gns",
    [FLIGHT_YIELD] = "gns",
    [FLIGHT_UNBLOCK] = "gsn",
    [FLIGHT_UNBLOCK_OLD] = "gsnns",
    [FLIGHT_END] = "g",
    [FLIGHT_END_OLD] = "gtssn",
    [FLIGHT_REGION] = "gtns\"",
    [FLIGHT_TASK] = "Tts\"",
    [FLIGHT_TASK_END] = "tts",
    [FLIGHT_TASK_OLD] = "tts\"",
    [FLIGHT_LOG] = "ts\"",
    [FLIGHT_QUEUED] = "tn",
    [FLIGHT_JOB] = "nnns\"",
    [FLIGHT_GC_BEGIN] = "s",
    [FLIGHT_GC_END] = "nn",
    [FLIGHT_HEAP] = "n",
    [FLIGHT_REQUEST] = "GTs\"",
    [FLIGHT_REQUEST_END] = "gt",
    [FLIGHT_REQUEST_OLD] = "gts\"",
};

size_t lab_flight_text_length(const char *text) {
  size_t len = strnlen(text, LAB_FLIGHT_TEXT + 1);
  return len > LAB_FLIGHT_TEXT ? lab_utf8_trim(text, LAB_FLIGHT_TEXT) : len;
}

void lab_flight_read_begin(lab_flight_reader *r, const lab_flight_chunk *c) {
  *r = (lab_flight_reader){.at = c->bytes,
                           .end = c->bytes + c->len,
                           .now = c->first,
                           .goroutines = c->goroutines,
                           .tasks = c->tasks};
}

static uint64_t read_chunk_number(lab_flight_reader *r) {
  uint64_t n;
  r->at = lab_varint_get(r->at, r->end, &n);
  LAB_ASSERT(r->at); /* the lab itself has written it */
  return n;
}

/* The id of what is new, which is AHEAD of the one that was to be expected. */
static uint64_t find_new_id(uint64_t *newest, uint64_t ahead) {
  uint64_t id = *newest + 1 + ahead;
  if (id > *newest)
    *newest = id;
  return id;
}

static uint64_t read_argument(lab_flight_reader *r, char shape) {
  uint64_t n = read_chunk_number(r);
  switch (shape) {
  case 'G':
    return find_new_id(&r->goroutines, n);
  case 'T':
    return find_new_id(&r->tasks, n);
  case 'g':
    return r->goroutines - n;
  case 't':
    return n ? r->tasks - (n - 1) : 0;
  default:
    return n;
  }
}

static void read_stored_record(lab_flight_reader *r, lab_flight_record *out) {
  const char *shape = lab_flight_shapes[out->kind];
  unsigned n = 0;
  for (; shape[n] && shape[n] != '"'; n++)
    out->args[n] = read_argument(r, shape[n]);
  out->text = "";
  out->len = 0;
  if (shape[n] != '"')
    return;
  out->len = read_chunk_number(r);
  out->text = (const char *)r->at;
  r->at += out->len;
}

static lab_flight_record *add_later(lab_flight_reader *r,
                                    const lab_flight_record *like,
                                    lab_flight_kind kind) {
  lab_flight_record *later = &r->later[r->nlater++];
  *later = *like;
  later->kind = kind;
  return later;
}

static void set_user_task(lab_flight_record *e, uint64_t task) {
  e->args[0] = task;
  e->args[1] = e->args[2] = 0;
}

/* The facts of a goroutine that serves a request: id and task are set. */
static void set_facts_of_request(lab_flight_record *e) {
  e->args[3] = 0;
  e->args[4] = 1;
}

/* E is several in one: leaves the first of them there. */
static void split_record(lab_flight_reader *r, lab_flight_record *e) {
  uint64_t task = e->args[1];
  switch (e->kind) {
  case FLIGHT_REQUEST:
    set_facts_of_request(add_later(r, e, FLIGHT_CREATE));
    e->kind = FLIGHT_TASK;
    set_user_task(e, task);
    break;
  case FLIGHT_REQUEST_END:
    set_user_task(add_later(r, e, FLIGHT_TASK_END), task);
    e->kind = FLIGHT_END;
    break;
  case FLIGHT_REQUEST_OLD:
    set_user_task(add_later(r, e, FLIGHT_TASK_OLD), task);
    e->kind = FLIGHT_END_OLD;
    set_facts_of_request(e);
    break;
  default:
    break;
  }
}

bool lab_flight_read(lab_flight_reader *r, lab_flight_record *out) {
  if (r->nlater > 0) {
    *out = r->later[--r->nlater];
    return true;
  }
  if (r->at == r->end)
    return false;
  bool has_run = (*r->at & FLIGHT_RUN) != 0;
  out->kind = (lab_flight_kind)(*r->at++ & ~FLIGHT_RUN);
  LAB_ASSERT(out->kind < FLIGHT_KINDS);
  uint64_t began = r->now + read_chunk_number(r);
  out->now = r->now = began + (has_run ? read_chunk_number(r) : 0);
  read_stored_record(r, out);
  split_record(r, out);
  if (has_run) {
    add_later(r, out, out->kind);
    *out = (lab_flight_record){
        .kind = FLIGHT_START, .now = began, .args = {out->args[0]}, .text = ""};
  }
  return true;
}
