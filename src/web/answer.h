/* SPDX-License-Identifier: MIT
 * /lab/answer: a student's diagnosis is judged; /lab/classes: its vocabulary.
 */
#ifndef LAB_WEB_ANSWER_H
#define LAB_WEB_ANSWER_H

#include <stdint.h>

#include "base/queue.h"
#include "diagnosis/judge.h"
#include "http/request.h"
#include "web/exposition.h"
#include "web/web.h"

enum { LAB_ANSWER_CODES = 40 }; /* that are counted apart */

/* How often a code of feedback was given: what students misread. */
typedef struct lab_answer_count {
  char code[LAB_JUDGE_WORD];
  uint64_t n;
} lab_answer_count;

/* The answers so far. Private to answer.c. */
typedef struct lab_answers {
  lab_list line;       /* of those that wait for their judgement */
  bool judging;        /* one is judged */
  uint64_t attempt;    /* of the next three */
  unsigned wrong;      /* answers that were judged and not right */
  unsigned unknown;    /* that named what is in no capture */
  uint64_t wait_until; /* mono ns: no further answer before that; 0: no wait */
  lab_answer_count counts[LAB_ANSWER_CODES];
} lab_answers;

/* Before the first answer. */
void lab_web_start_answers(lab_web *web);
/* The handlers. */
void lab_web_answer(lab_web *web, lab_http_request *req);
void lab_web_classes(lab_web *web, lab_http_request *req);

/* Appends the metrics. Any thread that has a copy. */
void lab_answers_write(const lab_answers *answers, lab_exposition *e);

#endif
