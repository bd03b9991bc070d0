/* SPDX-License-Identifier: MIT
 * The log: lines as Go's log package writes them,
 *   2018/07/12 15:03:44 Application started with PID 73825
 *
 * lab_log puts the line into a buffer of limited size. A thread of its own
 * writes what the buffer holds, at most a few milliseconds later. So a request
 * has to format its line, but makes no system call. When the buffer is full the
 * caller waits for the writer, but not for ever: if nothing has been written
 * for a while (a stopped terminal, a pipe that nobody reads), lines are
 * dropped, and a line of the log says how many. Lines that can't be written (a
 * full disk) are counted, too, and the first line that can be written again
 * says how many they were.
 *
 * There are three kinds of lines:
 * - What the lab tells of itself (switches, signals, failures). For these the
 *   buffer has room that the other kinds can't take.
 * - The two lines of each request. Who sends the requests says how many.
 * - What a step writes: lab.log, errors. A step that logs without end would
 *   fill the disk, so these have a limit of LAB_LOG_STEP_BYTES in a second.
 *   What is beyond it is not written, and one line per second says how many
 *   lines that were.
 *
 * Threads: any. Signal handlers: never. Before lab_log_open, and after
 * lab_log_close, lines go straight to stderr. */
#ifndef LAB_BASE_LOG_H
#define LAB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
  LAB_LOG_LINE = 256 << 10,
  /* Far more than honest programs write: 20,000 requests in a second that all
   * fail need 8 MB of it for their errors with tracebacks. */
  LAB_LOG_STEP_BYTES = 16 << 20,
};

/* Starts the writer. PATH: a file to append to, or NULL for stderr; a FIFO must
 * have a reader. 0 or negative errno, with a text in ERR; the log goes to
 * stderr then. */
int lab_log_open(const char *path, lab_err *err);

/* Logs one line of the lab's own, without its newline. A text of several lines
 * gets one time stamp, before the first, and counts as one line. What is in it
 * may come from a client or a script, so it is made plain (plain.h), here and
 * in lab_log_step: it can't look like another line, and a terminal obeys
 * nothing in it. The lines of lab_log_text are the lab's own form, so they get
 * no tab.
 * Of a longer line than LAB_LOG_LINE bytes the rest is left out, and its end
 * says how many bytes that are: a line is the lab's own memory, which must not
 * grow by what a scenario logs. */
void lab_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lab_log_text(const char *text, size_t len);

/* One of the two lines of a request. */
void lab_log_request(const char *text, size_t len);

/* A line that a step causes. */
void lab_log_step(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void lab_log_step_text(const char *text, size_t len);

/* Waits until everything logged so far has been written, but at most a quarter
 * of a second. False if that was too short. */
bool lab_log_flush(void);

/* The descriptor that the log goes to, for a handler that reports a crash.
 * Async-signal-safe. */
int lab_log_fd(void);
/* Likewise, for the last words of a process: FD is waited for for a second,
 * also if it blocks, as a full pipe does that nobody reads. Async-signal-safe.
 */
size_t lab_log_write_last(int fd, const char *p, size_t n);

/* Lines that were not written so far, for whatever reason. */
uint64_t lab_log_dropped(void);

/* Writes the rest and ends the writer. A writer that is stuck is left behind:
 * it ends with the process. */
void lab_log_close(void);

#endif
