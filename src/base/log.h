/* SPDX-License-Identifier: MIT
 * The log: lines as Go's log package writes them,
 *   2018/07/12 15:03:44 Application started with PID 73825
 *
 * lab_log puts the line into a buffer of bounded size; one writer thread
 * writes what has come together, at most a few milliseconds later. A request
 * thus pays for formatting, not for a system call. When the buffer is full the
 * caller waits for the writer, but not for ever: if nothing has gone out for a
 * while (a terminal that was stopped, a pipe that nobody reads) lines are
 * dropped, and counted in a line of their own.
 *
 * Threads: any. Signal handlers: never. Before lab_log_open, and after
 * lab_log_close, lines go straight to stderr. */
#ifndef LAB_BASE_LOG_H
#define LAB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Starts the writer. PATH: a file to append to, or NULL for stderr. */
int lab_log_open(const char *path, lab_err *err);

/* One line, without its newline; text of several lines is written as it is,
 * after one time stamp. */
void lab_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lab_log_text(const char *text, size_t len);

/* Waits until everything logged so far has been written; at most a quarter of a
 * second. False if that was not enough. */
bool lab_log_flush(void);

/* Where the log goes, for a message from a handler of a crash.
 * Async-signal-safe. */
int lab_log_fd(void);
/* Writes all N bytes to FD, if it can. Async-signal-safe. */
void lab_log_write(int fd, const char *p, size_t n);

/* Lines dropped so far. */
uint64_t lab_log_dropped(void);

/* Writes the rest and ends the writer; a writer that is stuck is left to the
 * end of the process. */
void lab_log_close(void);

#endif
