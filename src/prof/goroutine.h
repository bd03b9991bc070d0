/* SPDX-License-Identifier: MIT
 * The profiles that show tasks: what each of them did at one moment. The code
 * that can see the tasks fills in a picture; here it is counted and written in
 * Go's three forms:
 *
 *   debug=0   profile.proto: how many tasks have the same stack and labels
 *   debug=1   the same as text
 *   debug=2   each task, as a Go program that panics shows them:
 *               goroutine 34 [sync.Mutex.Lock, 2 minutes]:
 *               main.doSomeBusinessLogic(...)
 *                  /app/main.lua:12 +0x3
 *               created by main.startTasks in goroutine 17
 *                  /app/scenario.lua:8 +0x2
 *
 * What a task waits for is a remark behind its state, as Go has them ("select
 * (no cases)"): the name, and who has a lock; and which locks it has itself
 * (goroutine_awaited.h).
 *
 * There may be a million tasks, so a picture has 32 bytes for each, and the
 * last form is written piece by piece.
 *
 * Threads: one at a time per object. Writing is slow (symbols): not on the
 * control thread, nor on the VM's. */
#ifndef LAB_PROF_GOROUTINE_H
#define LAB_PROF_GOROUTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "prof/goroutine_text.h"

typedef struct lab_goroutine {
  uint64_t id : 48;
  uint64_t state : 8;    /* lab_task_state */
  uint64_t wait : 8;     /* lab_wait */
  uint64_t creator : 48; /* id of the task that started it, or 0 */
  uint64_t minutes : 16; /* that it has been waiting */
  uint32_t stack;        /* 0: not known */
  uint32_t created_by;   /* stack of its creator, or 0 */
  uint32_t label;
  uint32_t awaited; /* what it waits for (goroutine_awaited.h), or 0 */
} lab_goroutine;

/* A picture of all of them. */
typedef struct lab_goroutines lab_goroutines;

/* Empty, dated now. NAME, a literal, is the profile's: "goroutine". */
lab_goroutines *lab_goroutines_new(const char *name);
/* Accepts NULL. */
void lab_goroutines_free(lab_goroutines *g);
/* ONE is copied. This takes constant time: the others are not moved. */
void lab_goroutines_add(lab_goroutines *g, const lab_goroutine *one);
/* All tasks that there are will be in G. So who isn't has ended. */
void lab_goroutines_mark_whole(lab_goroutines *g);
size_t lab_goroutines_count(const lab_goroutines *g);

/* Appends the gzip'ed profile of NOW, minus BEFORE unless that is NULL. 0 or
 * negative errno. */
int lab_goroutines_write(const lab_goroutines *now,
                         const lab_goroutines *before, lab_buf *out);
/* debug=1. */
void lab_goroutines_write_text(const lab_goroutines *g, lab_buf *out);

#endif
