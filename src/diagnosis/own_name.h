/* SPDX-License-Identifier: MIT
 * Functions as a lesson and a student call them: without the scenario's name,
 * without the file that the scenario includes, and without the number of a
 * function within. Profiles print "mutex.update", "mutex/pool.acquire",
 * "mutex.update.func1" (stack/sources.h).
 *
 * Pure. */
#ifndef LAB_DIAGNOSIS_OWN_NAME_H
#define LAB_DIAGNOSIS_OWN_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Is FUNCTION called NAME, of LEN bytes, or is it within the function of that
 * name? "mutex/pool.acquire" is also called "mutex.acquire", and
 * "mutex.pool.acquire": pprof's graph leaves out what is before the slash. */
bool lab_own_name_is(const char *function, const char *name, size_t len);

/* The name of FRAME within SCENARIO and its length, without its file and the
 * functions within it; NULL if it isn't the scenario's. */
const char *lab_own_name_find(const char *frame, const char *scenario,
                              size_t *len);

#endif
