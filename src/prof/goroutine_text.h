/* SPDX-License-Identifier: MIT
 * The goroutine profile's form debug=2, task by task, from a picture of
 * goroutine.h; piece by piece, since there may be a million tasks.
 *
 * Threads: one at a time per object. Slow (symbols): not on the control thread,
 * nor on the VM's. */
#ifndef LAB_PROF_GOROUTINE_TEXT_H
#define LAB_PROF_GOROUTINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct lab_goroutines lab_goroutines; /* prof/goroutine.h */

/* Reads G in the order of ids. G must outlive the reader. */
typedef struct lab_goroutine_reader lab_goroutine_reader;
lab_goroutine_reader *lab_goroutine_reader_new(const lab_goroutines *g);
/* Accepts NULL. */
void lab_goroutine_reader_free(lab_goroutine_reader *r);
/* Appends the next tasks, whole ones, until OUT has SIZE bytes or a little
 * more. False when there are no further ones. */
bool lab_goroutine_read(lab_goroutine_reader *r, lab_buf *out, size_t size);

/* Writes debug=2 to the log, in pieces under a heading each. */
void lab_goroutines_log(const lab_goroutines *g);

#endif
