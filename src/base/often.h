/* SPDX-License-Identifier: MIT
 * Lines of the log that may come by the hundred thousand, such as the failures
 * of tasks: of equal ones the first few are written as they are, then a count
 * once a second. Different ones never stand in for each other.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_BASE_OFTEN_H
#define LAB_BASE_OFTEN_H

enum { LAB_OFTEN_WRITTEN = 10 };

/* Writes HEAD and TEXT as one line of the log. Lines are equal if their TEXT
 * is: after LAB_OFTEN_WRITTEN of them they are only counted, until a second
 * passes without any. */
void lab_log_often(const char *head, const char *text);

/* Once a second, and before the log is closed: writes what was counted, as
 * "N more like it: TEXT" (the first line of it). */
void lab_log_often_tick(void);

#endif
