/* SPDX-License-Identifier: MIT
 * Columns made of tabs, as Go's text/tabwriter makes them with the settings of
 * pprof's text profiles: minwidth 1, tabwidth 8, padding 1, padchar '\t'.
 *
 * A cell is text ended by a tab; what follows the last tab of a line is no
 * cell. Cells at the same place in consecutive lines form a column, and a line
 * without that cell ends it. Each cell is padded with tabs so that its column
 * is as wide as the widest cell plus 1, rounded up to a multiple of 8. Width
 * counts UTF-8 characters.
 *
 * Not taken over: \v, \f and 0xff have no meaning here, and an invalid byte
 * may count otherwise.
 * Threads: any. */
#ifndef LAB_PPROF_TABWRITER_H
#define LAB_PPROF_TABWRITER_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the N bytes of TEXT to OUT, in columns. A last line without newline
 * is written without one. */
void lab_tabwriter_format(const char *text, size_t n, lab_buf *out);

#endif
