/* SPDX-License-Identifier: MIT
 * Custom profiles, as Go's pprof.NewProfile makes them: the stacks that have
 * added something which wasn't removed yet, such as connections that are in
 * use. What was added is a number here, and its owner knows what that stands
 * for:
 *
 *   lab_custom *c = lab_custom_new("db.Connections", "...", generation);
 *   int64_t number = lab_custom_add(c, stack, label);
 *   lab_custom_remove(c, number);
 *   lab_custom_end(c);
 *
 * Its place in an array, so the lowest numbers that are free are used first.
 * Numbers may also come from elsewhere, such as descriptors, which the kernel
 * gives in the same way (lab_custom_put). One profile has all its numbers from
 * here, or all from there.
 *
 * Threads: any, but new and end, as those of registry.h; never a signal
 * handler. */
#ifndef LAB_PROF_CUSTOM_H
#define LAB_PROF_CUSTOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  LAB_CUSTOM_NAME = 64, /* bytes of a name, with the final 0 */
  LAB_CUSTOM_MOST = 16, /* that a visit should have: all are listed */
};

typedef struct lab_custom lab_custom;

/* Has NAME the form of a custom profile's name? Words of letters, digits, _ and
 * - with dots between them, two at least, the first of which begins with a
 * letter; shorter than LAB_CUSTOM_NAME. */
bool lab_custom_is_name(const char *name);

/* A new profile in the table of registry.h, without anything in it. NAME, which
 * is cut, is copied, DESCRIPTION is a literal. GENERATION: as in
 * lab_profile_kind; of a visit's profile the memory counts as the step's
 * (lab_counted_realloc). */
lab_custom *lab_custom_new(const char *name, const char *description,
                           uint32_t generation);
/* It leaves the table, and C is gone for its owner. Who reads it holds it. */
void lab_custom_end(lab_custom *c);

/* Something new, at STACK by code with LABEL (0: none). Its number, or -ENOMEM.
 * O(1). */
int64_t lab_custom_add(lab_custom *c, uint32_t stack, uint32_t label);
/* The same for the thing NUMBER; what was there under that number is removed.
 * 0 or -ENOMEM. O(1). */
int lab_custom_put(lab_custom *c, size_t number, uint32_t stack,
                   uint32_t label);
/* Nothing happens if there is no such thing. O(1). */
void lab_custom_remove(lab_custom *c, size_t number);
size_t lab_custom_count(lab_custom *c);
const char *lab_custom_name(const lab_custom *c);

#endif
