/* SPDX-License-Identifier: MIT
 * The log: lines as Go's log package writes them,
 *   2018/07/12 15:03:44 Application started with PID 73825
 *
 * lab_log puts the line into a buffer of limited size. A thread of its own
 * writes what the buffer holds, at most a few milliseconds later. So a request
 * has to format its line, but makes no system call. When the buffer is full the
 * caller waits for the writer, but not for ever: if nothing has been written
 * for a while (a stopped terminal, a pipe that nobody reads), lines are
 * dropped, and a line of the log says how many.
 *
 * Threads: any. Signal handlers: never. Before lab_log_open, and after
 * lab_log_close, lines go straight to stderr. */
#ifndef LAB_BASE_LOG_H
#define LAB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { LAB_LOG_LINE = 256 << 10 };

/* Starts the writer. PATH: a file to append to, or NULL for stderr. 0 or
 * negative errno, with a text in ERR; the log goes to stderr then. */
int lab_log_open(const char *path, lab_err *err);

/* Logs one line, without its newline. A text of several lines gets one time
 * stamp, before the first. */
/* Of a longer line than LAB_LOG_LINE bytes the rest is left out, and its end
 * says how many bytes that are: a line is the lab's own memory, which must not
 * grow by what a scenario logs. */
void lab_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lab_log_text(const char *text, size_t len);

/* Waits until everything logged so far has been written, but at most a quarter
 * of a second. False if that was too short. */
bool lab_log_flush(void);

/* The descriptor that the log goes to, for a handler that reports a crash.
 * Async-signal-safe. */
int lab_log_fd(void);
/* Writes N bytes to FD; an error ends it, untold. Async-signal-safe. */
void lab_log_write(int fd, const char *p, size_t n);

/* Lines dropped so far. */
uint64_t lab_log_dropped(void);

/* Writes the rest and ends the writer. A writer that is stuck is left behind:
 * it ends with the process. */
void lab_log_close(void);

#endif
