/* SPDX-License-Identifier: MIT
 * A profile as collapsed (folded) stacks, one line for each different stack:
 *
 *   root;caller;leaf 1234
 *
 * flamegraph.pl, speedscope, Perfetto and the Firefox Profiler read that. What
 * they would trip over is put right: in a name, `;` becomes `:`, and a control
 * character a space; a line never begins with `#`, which is a comment, nor with
 * `{`, which is JSON; a location without a function is its address. Stacks of
 * one frame come last, as Perfetto refuses a text that has no `;` in one of its
 * first three lines. No value is 0, and none is below 0: what a difference has
 * less of stands, as a positive value, under the root frame LAB_COLLAPSED_LESS.
 * So the values add up to what `go tool pprof` calls the total.
 *
 * Lines of one function, and labels, are added up. A label that is asked for
 * becomes a root frame, "key=value"; samples that don't have it are under
 * "[no key]".
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_PPROF_COLLAPSED_H
#define LAB_PPROF_COLLAPSED_H

#include "base/buf.h"
#include "pprof/decode.h"

#define LAB_COLLAPSED_LESS "[less]"

/* Appends the lines for TYPE (an index into P's types) to OUT. LABEL: the key
 * of a label, or NULL. */
void lab_collapsed_write(const lab_pprof *p, size_t type, const char *label,
                         lab_buf *out);

#endif
