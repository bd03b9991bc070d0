/* SPDX-License-Identifier: MIT
 * Aligns text in columns with tabs, as Go's text/tabwriter does with the
 * settings of pprof's text profiles: minwidth 1, tabwidth 8, padding 1, padchar
 * '\t'.
 *
 * A cell is text that ends with a tab; what follows the last tab of a line
 * isn't a cell. Cells at the same place in consecutive lines form a column, and
 * a line without that cell ends the column. Each cell is padded with tabs, so
 * that the column is as wide as its widest cell plus 1, rounded up to a
 * multiple of 8. The width is the number of UTF-8 characters.
 *
 * Unlike in Go, \v, \f and 0xff have no meaning here, and an invalid byte may
 * have another width.
 *
 * Threads: any. Signal handlers: never. */
#ifndef LAB_PPROF_TABWRITER_H
#define LAB_PPROF_TABWRITER_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the N bytes of TEXT to OUT, aligned in columns. If the last line has
 * no newline, it is written without one. */
void lab_tabwriter_format(const char *text, size_t n, lab_buf *out);

#endif
