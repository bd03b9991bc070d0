/* SPDX-License-Identifier: MIT
 * What the tasks of a picture (goroutine.h) wait for, as far as it is worth
 * saying: its name, and who has a lock, or what is in a pool. Tasks that wait
 * for the same share one entry, which is what it was when the first of them was
 * recorded.
 *
 *   [chan receive ("jobs")]:
 *   [sync.Mutex.Lock (held by task 210 since 1.2 s; 14 wait), 2 minutes]:
 *   [sync.RWMutex.Lock ("prices" held by 2 readers since 0.3 s: tasks 7 9; 1
 *    wait)]:
 *   [pool wait ("payments" 2 of 2 taken since 3.0 s: tasks 7 (ended) 9; 1
 * wait)]:
 *
 * And which locks a task has itself, of those that others wait for, whatever it
 * does. So a deadlock is proven by one picture: from a task to who has what it
 * waits for, until one comes back.
 *
 *   [sleep (holds a lock: 14 wait: tasks 2 3 5 6 and others)]:
 *   [sync.Mutex.Lock ("b" held by task 8 since 0.3 s; 1 wait; holds "a": 1
 *    wait: tasks 8; reads "prices": 2 wait: tasks 9 11)]:
 *
 * There is no comma in it, nor a bracket: programs that read dumps of Go's take
 * what is behind a comma for the minutes, and a bracket for the end.
 *
 * Threads: one at a time per picture. */
#ifndef LAB_PROF_GOROUTINE_AWAITED_H
#define LAB_PROF_GOROUTINE_AWAITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "task/lock.h"

typedef struct lab_goroutines lab_goroutines; /* prof/goroutine.h */

enum { LAB_AWAITED_NAME = 60 }; /* bytes of a name that are kept */

/* The entry of what is called NAME, LEN bytes of any kind: its number. */
uint32_t lab_awaited_named(lab_goroutines *g, const char *name, size_t len);
/* The number of LOCK's entry, or 0 if it has none yet. */
uint32_t lab_awaited_lock(const lab_goroutines *g, const void *lock);
/* Makes the entry of LOCK, which has none: who has it is in VIEW. */
uint32_t lab_awaited_add_lock(lab_goroutines *g, const void *lock,
                              const lab_lock_view *view);
/* Its name, unless it has one; LEN may be 0. */
void lab_awaited_set_name(lab_goroutines *g, uint32_t number, const char *name,
                          size_t len);

/* Appends the entry as above, without the parentheses. HAS_ENDED says whether
 * the task of this id has. */
void lab_awaited_write(const lab_goroutines *g, uint32_t number,
                       bool (*has_ended)(const void *arg, uint64_t id),
                       const void *arg, lab_buf *out);

/* The locks of a complete picture, by who has them. Of many readers, and of
 * many who wait, only the first ones are told. Private but for its functions.
 */
typedef struct lab_held {
  const lab_goroutines *goroutines;
  lab_buf holders; /* sorted */
  void *waiters;   /* by the number of the entry; NULL: nobody has a lock */
} lab_held;

/* G outlives it. */
void lab_held_begin(lab_held *h, const lab_goroutines *g);
/* The task ID of G waits for the entry NUMBER; 0: for none. */
void lab_held_add_waiter(lab_held *h, uint64_t id, uint32_t number);
/* Appends what the task ID has, as above; nothing if it has nothing. */
void lab_held_write(const lab_held *h, uint64_t id, lab_buf *out);
void lab_held_end(lab_held *h);

#endif
