/* SPDX-License-Identifier: MIT
 * The profiles block and mutex (contention.h) in the table of profiles, where
 * they are shown as profile.proto and as text. */
#ifndef LAB_PROF_CONTENTION_TEXT_H
#define LAB_PROF_CONTENTION_TEXT_H

/* Enters both into the table of registry.h. Their sample types are
 * contentions/count and delay/nanoseconds; the text (debug=1) has the largest
 * delay first, and its cycles are nanoseconds. */
void lab_registry_add_contention(void);

#endif
