/* SPDX-License-Identifier: MIT
 * Whether a file is still the one that was read.
 *
 * Threads: any. */
#ifndef LAB_SCENARIO_FILE_MARK_H
#define LAB_SCENARIO_FILE_MARK_H

#include <stdbool.h>
#include <stdint.h>

/* What a file is, in numbers. All zeros: it isn't there, or can't be reached.
 * Has no padding, so it can be compared and sent as bytes. */
typedef struct lab_file_mark {
  uint64_t device, inode, size, mode;
  int64_t modified_s, modified_ns, changed_s, changed_ns;
} lab_file_mark;

/* PATH's mark; symbolic links are followed. */
lab_file_mark lab_file_mark_of(const char *path);
/* Whether both are of one file, which didn't change in between. */
bool lab_file_mark_is_same(const lab_file_mark *a, const lab_file_mark *b);
/* Whether the file changed so short a time ago that one more change might not
 * show in its mark. */
bool lab_file_mark_is_young(const lab_file_mark *mark);

#endif
