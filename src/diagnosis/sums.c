/* SPDX-License-Identifier: MIT
 * See sums.h. */
#include "diagnosis/sums.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/queue.h"
#include "base/table.h"
#include "diagnosis/judge.h"

enum {
  PAUSE_MAX = 1800, /* seconds between two events: more isn't work */
  CODES = 128,      /* there are some thirty */
  HINTS = 256,      /* different ones of a step: more aren't counted */
  HINT_MAX = 9999,  /* as /hint takes them */
};

typedef char word[LAB_JUDGE_WORD];

typedef struct code_count {
  word code;
  uint64_t n;
} code_count;

/* Of one step. */
typedef struct step_sum {
  lab_list link; /* in lab_sums.known */
  long step;
  uint32_t era; /* distinguishes it from what it was before a reset */
  bool solved, repaired;
  int64_t score, seconds;
  uint64_t visits, captures, hints, answers, repairs;
  char solved_at[LAB_UTC_TEXT], repaired_at[LAB_UTC_TEXT];
  word class_name; /* that it was solved with */
  code_count *codes;
  size_t ncodes;
  int64_t *hinted; /* which hints; there are `hints` */
} step_sum;

/* One visit of a step. */
typedef struct visit_sum {
  uint64_t attempt;
  int64_t last; /* seconds, of its last event */
  uint32_t era;
  uint32_t captures;
} visit_sum;

struct lab_sums {
  step_sum *steps[LAB_SUMS_STEPS];
  lab_list known; /* the same, without those that aren't there */
  long used;      /* no step from this number on is there */
  uint32_t last_era;
  lab_table table; /* finds visits */
  visit_sum *visits;
  size_t nvisits, room;
  unsigned dropped; /* lines that can't be read */
};

lab_sums *lab_sums_new(void) {
  lab_sums *s = lab_xcalloc(1, sizeof *s);
  lab_list_init(&s->known);
  return s;
}

static void forget_step_sum(lab_sums *s, step_sum *sum) {
  s->steps[sum->step] = NULL;
  lab_list_remove(&sum->link);
  lab_xfree(sum->codes);
  lab_xfree(sum->hinted);
  lab_xfree(sum);
}

static void forget_step_sums(lab_sums *s) {
  while (!lab_list_empty(&s->known))
    forget_step_sum(s, LAB_CONTAINER(s->known.next, step_sum, link));
}

void lab_sums_clear(lab_sums *s) {
  forget_step_sums(s);
  s->used = 0;
  lab_table_free(&s->table);
  s->table = (lab_table){.used = 0};
  lab_xfree(s->visits);
  s->visits = NULL;
  s->nvisits = s->room = 0;
  s->dropped = 0;
}

void lab_sums_free(lab_sums *s) {
  if (!s)
    return;
  lab_sums_clear(s);
  lab_xfree(s);
}

/* ---- a line -------------------------------------------------------------- */

typedef struct event_line {
  const char *text; /* its end is no digit */
  size_t len;
} event_line;

/* What follows `"KEY": ` in the line, or NULL. */
static const char *find_event_value(event_line line, const char *key) {
  char wanted[24];
  int n = snprintf(wanted, sizeof wanted, "\"%s\": ", key);
  const char *found = memmem(line.text, line.len, wanted, (size_t)n);
  return found ? found + n : NULL;
}

/* False: it has none, or something else than a whole number. */
static bool read_event_number(event_line line, const char *key, int64_t *out) {
  const char *value = find_event_value(line, key);
  char *end = NULL;
  if (!value || *value == ' ')
    return false;
  *out = strtoll(value, &end, 10);
  return end > value && (*end == ',' || *end == '}');
}

static int64_t read_event_count(event_line line, const char *key) {
  int64_t n;
  return read_event_number(line, key, &n) && n > 0 ? n : 0;
}

static bool read_event_word(event_line line, const char *key, char *out,
                            size_t room) {
  const char *value = find_event_value(line, key);
  const char *end = line.text + line.len;
  size_t n = 0;
  if (!value || *value++ != '"')
    return false;
  while (value + n < end && value[n] != '"' && n + 1 < room)
    n++;
  memcpy(out, value, n);
  out[n] = '\0';
  return true;
}

/* Of an attempt's id, which is a hexadecimal text. */
static bool read_event_attempt(event_line line, uint64_t *out) {
  word id;
  char *end;
  if (!read_event_word(line, "attempt", id, sizeof id) || !id[0])
    return false;
  *out = strtoull(id, &end, 16);
  return *end == '\0';
}

/* ---- one step ------------------------------------------------------------ */

static step_sum *find_step_sum(lab_sums *s, long step) {
  step_sum **sum = &s->steps[step];
  if (!*sum) {
    *sum = lab_xcalloc(1, sizeof **sum);
    (*sum)->era = ++s->last_era;
    (*sum)->step = step;
    lab_list_push_back(&s->known, &(*sum)->link);
  }
  if (s->used <= step)
    s->used = step + 1;
  return *sum;
}

static visit_sum *find_visit_sum(lab_sums *s, step_sum *sum, uint64_t attempt,
                                 int64_t seconds) {
  uint64_t hash = lab_hash_u64(attempt ^ lab_hash_u64(sum->era));
  lab_table_walk walk = lab_table_find(&s->table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    visit_sum *v = &s->visits[id - 1];
    if (v->attempt == attempt && v->era == sum->era)
      return v;
  }
  if (s->nvisits == s->room) {
    s->room = s->room ? 2 * s->room : 16;
    s->visits = lab_xrealloc(s->visits, s->room * sizeof *s->visits);
  }
  s->visits[s->nvisits++] =
      (visit_sum){.attempt = attempt, .last = seconds, .era = sum->era};
  lab_table_add(&s->table, hash, (uint32_t)s->nvisits);
  sum->visits++;
  return &s->visits[s->nvisits - 1];
}

static int64_t limit_pause(int64_t seconds) {
  return seconds < 0 ? 0 : seconds > PAUSE_MAX ? PAUSE_MAX : seconds;
}

/* Counts the visit, its captures, and the time since its last event. */
static void follow_visit(lab_sums *s, step_sum *sum, event_line line) {
  uint64_t attempt;
  int64_t seconds;
  if (!read_event_attempt(line, &attempt) ||
      !read_event_number(line, "seconds", &seconds))
    return;
  visit_sum *v = find_visit_sum(s, sum, attempt, seconds);
  int64_t captures = read_event_count(line, "captures");
  if (captures > v->captures && captures <= UINT32_MAX) {
    sum->captures += (uint64_t)captures - v->captures;
    v->captures = (uint32_t)captures;
  }
  int64_t pause;
  if (!sum->solved && !__builtin_sub_overflow(seconds, v->last, &pause))
    sum->seconds += limit_pause(pause);
  v->last = seconds;
}

static void count_event_code(step_sum *sum, event_line line) {
  word code;
  size_t i = 0;
  if (!read_event_word(line, "code", code, sizeof code))
    return;
  while (i < sum->ncodes && strcmp(sum->codes[i].code, code) != 0)
    i++;
  if (i == CODES)
    return;
  if (i == sum->ncodes) {
    sum->codes = lab_xrealloc(sum->codes, (i + 1) * sizeof *sum->codes);
    sum->codes[sum->ncodes++] = (code_count){.n = 0};
    memcpy(sum->codes[i].code, code, sizeof code);
  }
  sum->codes[i].n++;
}

static void take_answer_event(step_sum *sum, event_line line) {
  word verdict = "";
  count_event_code(sum, line);
  read_event_word(line, "verdict", verdict, sizeof verdict);
  if (strcmp(verdict, "invalid") == 0)
    return;
  int64_t score = read_event_count(line, "score");
  sum->answers++;
  if (score > sum->score)
    sum->score = score;
  if (strcmp(verdict, "solved") == 0 && !sum->solved) {
    sum->solved = true;
    read_event_word(line, "at", sum->solved_at, sizeof sum->solved_at);
    read_event_word(line, "class", sum->class_name, sizeof sum->class_name);
  }
}

static void take_hint_event(step_sum *sum, event_line line) {
  int64_t hint = read_event_count(line, "hint");
  if (hint < 1 || hint > HINT_MAX || sum->hints == HINTS)
    return;
  for (size_t i = 0; i < sum->hints; i++)
    if (sum->hinted[i] == hint)
      return;
  sum->hinted =
      lab_xrealloc(sum->hinted, (sum->hints + 1) * sizeof *sum->hinted);
  sum->hinted[sum->hints++] = hint;
}

static void take_repair_event(step_sum *sum, event_line line) {
  word verdict = "";
  sum->repairs++;
  read_event_word(line, "verdict", verdict, sizeof verdict);
  if (strcmp(verdict, "repaired") == 0 && !sum->repaired) {
    sum->repaired = true;
    read_event_word(line, "at", sum->repaired_at, sizeof sum->repaired_at);
  }
}

/* A repair comes from a process that is no visit. */
static void take_step_event(lab_sums *s, step_sum *sum, const char *what,
                            event_line line) {
  if (strcmp(what, "repair") == 0) {
    take_repair_event(sum, line);
    return;
  }
  follow_visit(s, sum, line);
  if (strcmp(what, "answer") == 0)
    take_answer_event(sum, line);
  else if (strcmp(what, "hint") == 0)
    take_hint_event(sum, line);
}

/* STEP below 0: of all. */
static void take_reset_event(lab_sums *s, int64_t step) {
  if (step < 0)
    forget_step_sums(s);
  else if (s->steps[step])
    forget_step_sum(s, s->steps[step]);
}

void lab_sums_take(lab_sums *s, const char *text, size_t len) {
  event_line line = {text, len};
  word what;
  int64_t step;
  if (len == 0)
    return;
  if (text[len - 1] != '}' ||
      !read_event_word(line, "event", what, sizeof what) ||
      !read_event_number(line, "step", &step) || step >= LAB_SUMS_STEPS ||
      (step < 0 && strcmp(what, "reset") != 0))
    s->dropped++;
  else if (strcmp(what, "reset") == 0)
    take_reset_event(s, step);
  else
    take_step_event(s, find_step_sum(s, (long)step), what, line);
}

/* ---- what they are ------------------------------------------------------- */

bool lab_sums_is_solved(const lab_sums *s, int step) {
  return s->steps[step] && s->steps[step]->solved;
}

bool lab_sums_is_repaired(const lab_sums *s, int step) {
  return s->steps[step] && s->steps[step]->repaired;
}

static void write_sum_count(lab_json *j, const char *key, uint64_t n) {
  lab_json_key(j, key);
  lab_json_uint(j, n);
}

static void write_sum_text(lab_json *j, const char *key, const char *text) {
  if (!text[0])
    return;
  lab_json_key(j, key);
  lab_json_text(j, text);
}

static void write_sum_flag(lab_json *j, const char *key, bool flag) {
  lab_json_key(j, key);
  lab_json_bool(j, flag);
}

static int compare_code_counts(const void *a, const void *b) {
  return strcmp(((const code_count *)a)->code, ((const code_count *)b)->code);
}

static void write_sum_codes(lab_json *j, const step_sum *sum) {
  code_count sorted[CODES];
  if (sum->ncodes > 0)
    memcpy(sorted, sum->codes, sum->ncodes * sizeof sorted[0]);
  qsort(sorted, sum->ncodes, sizeof sorted[0], compare_code_counts);
  lab_json_key(j, "codes");
  lab_json_begin_object(j, LAB_JSON_SPACED);
  for (size_t i = 0; i < sum->ncodes; i++)
    write_sum_count(j, sorted[i].code, sorted[i].n);
  lab_json_end(j);
}

/* To a tenth of a minute. */
static void write_sum_minutes(lab_json *j, int64_t seconds) {
  lab_json_key(j, "minutes");
  lab_json_double(j, (double)((seconds + 3) / 6) / 10);
}

static void write_step_sum(lab_json *j, int step, const step_sum *sum) {
  lab_json_begin_object(j, LAB_JSON_SPACED);
  write_sum_count(j, "answers", sum->answers);
  write_sum_count(j, "captures", sum->captures);
  write_sum_text(j, "class", sum->class_name);
  write_sum_codes(j, sum);
  write_sum_count(j, "hints", sum->hints);
  write_sum_minutes(j, sum->seconds);
  write_sum_flag(j, "repaired", sum->repaired);
  write_sum_text(j, "repaired_at", sum->repaired_at);
  write_sum_count(j, "repairs", sum->repairs);
  write_sum_count(j, "score", (uint64_t)sum->score);
  write_sum_flag(j, "solved", sum->solved);
  write_sum_text(j, "solved_at", sum->solved_at);
  write_sum_count(j, "step", (uint64_t)step);
  write_sum_count(j, "visits", sum->visits);
  lab_json_end(j);
}

void lab_sums_write(const lab_sums *s, unsigned unread, lab_buf *out) {
  lab_json j;
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_SPACED);
  write_sum_count(&j, "dropped", s->dropped + unread);
  lab_json_key(&j, "format");
  lab_json_text(&j, "diaglab-progress/1");
  lab_json_key(&j, "steps");
  lab_json_begin_array(&j, LAB_JSON_SPACED);
  for (int step = 0; step < s->used; step++)
    if (s->steps[step])
      write_step_sum(&j, step, s->steps[step]);
  lab_json_end(&j);
  lab_json_end(&j);
  lab_json_finish(&j);
}
