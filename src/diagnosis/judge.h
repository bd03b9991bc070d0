/* SPDX-License-Identifier: MIT
 * The judgement of a student's answer: lua/diagnosis.lua makes it, by the same
 * code as `diaglab test` (lua/judge.lua).
 *
 * Each has a Lua state of its own, with LAB_JUDGE_MEMORY bytes and
 * LAB_JUDGE_CPU_MS of CPU time at most. Beside that are the profiles that it
 * reads: LAB_UPLOAD_LIMITS hold for each, and all have LAB_JUDGE_PROFILES bytes
 * at most; what is beyond that isn't looked at. With 16 captures of ordinary
 * size an answer takes some 8 ms, most of which is compiling the Lua files.
 *
 * Threads: any, several at a time; never the control thread. */
#ifndef LAB_DIAGNOSIS_JUDGE_H
#define LAB_DIAGNOSIS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "diagnosis/captures.h"

enum {
  LAB_JUDGE_MEMORY = 64 << 20,
  LAB_JUDGE_PROFILES = 128 << 20,
  LAB_JUDGE_CPU_MS = 2000,
  LAB_JUDGE_WORD = 32, /* bytes of a code, or of a class, with the final 0 */
};

typedef enum lab_judge_what {
  LAB_JUDGE_ANSWER,   /* an answer is judged */
  LAB_JUDGE_CLASSES,  /* the vocabulary is listed */
  LAB_JUDGE_PROGRESS, /* the sums are written as a table */
  /* For the page at /lab/. The submission is: */
  LAB_JUDGE_PAGE,     /* what is to be shown (lua/page.lua); HTML comes out */
  LAB_JUDGE_LOAD,     /* what the load is to be; a form comes out
                         (lua/page_api.lua) */
  LAB_JUDGE_SOURCE,   /* the path of a file; its lines come out as JSON */
  LAB_JUDGE_SOLUTION, /* nothing; how the step is solved, if it is */
  LAB_JUDGE_REPAIR,   /* nothing; the words of the command that checks the
                         student's repair of it, each ended by a 0 */
} lab_judge_what;

typedef enum lab_judge_form {
  LAB_JUDGE_TEXT,
  LAB_JUDGE_JSON,
  LAB_JUDGE_CSV, /* only of the progress */
} lab_judge_form;

typedef struct lab_judge_question {
  lab_judge_what what;
  lab_judge_form form;     /* that is wanted */
  const char *const *dirs; /* with scenarios, in order of preference */
  size_t ndirs;
  int step;
  uint64_t attempt;       /* of what the evidence must be */
  const char *submission; /* the bytes that were sent */
  size_t len;
  bool is_json; /* they are; else a form */
  /* Of the progress, and for the page: the sums of diagnosis/standing.h, or
   * none. */
  const char *sums;
  size_t nsums;       /* bytes */
  bool solved;        /* the step is, even if the sums don't say so */
  const char *repair; /* the folder of the student's own programs, or NULL */
  unsigned wrong;     /* answers so far in this attempt that were not right */
  int next_hint;      /* that wasn't told yet; 0: the lab gives none */
  const char *params; /* with which it was entered, a JSON object */
  /* Numbers with which the visit began, or NULL: no evidence by themselves. */
  lab_capture *const *first;
  size_t nfirst;
  lab_capture *const *captures; /* the oldest first */
  size_t ncaptures;
} lab_judge_question;

typedef struct lab_judge_result {
  int status; /* for HTTP */
  int score;
  /* "solved", "partial", "wrong", "invalid"; "" if nothing was judged */
  char verdict[LAB_JUDGE_WORD];
  char code[LAB_JUDGE_WORD];       /* of the feedback */
  char class_name[LAB_JUDGE_WORD]; /* the first one that was answered */
} lab_judge_result;

/* Appends the answer's text, or JSON, to OUT. */
void lab_judge_answer(const lab_judge_question *q, lab_judge_result *result,
                      lab_buf *out);

#endif
