/* SPDX-License-Identifier: MIT
 * Attempts: each visit of a step has a number of its own, which no other visit
 * of any lab has. Every profile that is written has the present one in its
 * comments (`go tool pprof -comments`), so that one can tell where a profile
 * comes from: a judgement accepts only those of this process and visit.
 *
 * Threads: any. */
#ifndef LAB_PROF_ATTEMPT_H
#define LAB_PROF_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

/* Before the number in a comment, in hexadecimal digits. */
#define LAB_ATTEMPT_MARK "diaglab attempt "
enum {
  LAB_ATTEMPT_TEXT = 17, /* 16 digits, and the final 0 */
  LAB_ATTEMPT_COMMENT = sizeof LAB_ATTEMPT_MARK + 16,
};

typedef struct lab_attempt {
  uint64_t id;    /* 0: there was none yet */
  uint64_t since; /* when it began, by lab_clock_mono */
} lab_attempt;

/* A step is served from now on: a new attempt. One thread at a time. */
void lab_attempt_begin(void);
lab_attempt lab_attempt_now(void);
/* Is ID of this process? An attempt of long ago, with 65,536 others after it,
 * is forgotten. */
bool lab_attempt_is_own(uint64_t id);

/* Writes ID as all texts have it, and the final 0. */
void lab_attempt_text(uint64_t id, char out[LAB_ATTEMPT_TEXT]);
/* Writes the comment of ID, and the final 0. */
void lab_attempt_write(uint64_t id, char out[LAB_ATTEMPT_COMMENT]);
/* The number in a comment; 0 if it is another comment. */
uint64_t lab_attempt_parse(const char *comment);

#endif
