/* SPDX-License-Identifier: MIT
 * Text for a log, which people read in a terminal, and whose lines other
 * programs count.
 *
 * What a client or a script says may have any bytes: ESC sequences, which a
 * terminal obeys; bytes that are no UTF-8; and a newline with what looks like
 * another line of the log. In plain text, control characters and what is not
 * UTF-8 are written as \x1b, and each line but the first begins with a tab, so
 * it is seen to belong to the line before. Traces keep their form: their lines
 * begin with a tab anyway, and "stack traceback:" alone stays as it is.
 *
 * Threads: any. */
#ifndef LAB_BASE_PLAIN_H
#define LAB_BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

/* Whether the LEN bytes of TEXT are plain and of one line. */
bool lab_plain_is(const char *text, size_t len);

/* Appends them, made plain. INDENTED: lines but the first get their tab. */
void lab_plain_append(lab_buf *out, const char *text, size_t len,
                      bool indented);

/* Appends them as a part of one line: newlines and tabs aren't plain, either.
 */
void lab_plain_append_word(lab_buf *out, const char *text, size_t len);

/* Writes them, or the string TEXT, made plain, to a terminal. */
void lab_plain_write(FILE *to, const char *text, size_t len);
void lab_plain_print(FILE *to, const char *text);

/* Writes what is still in TO's buffer. Whether all that was ever printed to it
 * is written: libc forgets what it couldn't write, and the next flush is well.
 */
bool lab_plain_flush(FILE *to);

#endif
