/* SPDX-License-Identifier: MIT
 * Log lines that may come a hundred thousand times, such as the failures of
 * tasks. Of equal lines the first few are written as they are; the others are
 * counted, and once a second a line says how many there were. Only equal lines
 * are counted together.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_BASE_OFTEN_H
#define LAB_BASE_OFTEN_H

enum { LAB_OFTEN_WRITTEN = 10 };

/* Writes HEAD and TEXT as one line of the log. Lines are equal if their texts
 * are. After LAB_OFTEN_WRITTEN equal lines, further ones are only counted,
 * until a second passes without any. */
void lab_log_often(const char *head, const char *text);

/* Writes what was counted, as "N more like it: TEXT", where TEXT is cut to its
 * first line. Call it once a second, and before the log is closed. */
void lab_log_often_tick(void);

#endif
