/* SPDX-License-Identifier: MIT
 * What a trace's events refer to: strings, and stacks. Internal to src/trace.
 *
 * Strings are entered when an event uses them. Of stacks only the numbers are
 * noted; the stacks are written, with the strings of their names, at the end.
 * Readers of the format know a frame by its pc: here that is the number of its
 * place, which is a function, a file and a line.
 *
 * Threads: the recording's lock. */
#ifndef LAB_TRACE_TABLE_H
#define LAB_TRACE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/table.h"
#include "trace/names.h"

typedef struct lab_trace_string {
  char *text;
  size_t len;
} lab_trace_string;

typedef struct lab_trace_place {
  uint32_t function, file; /* strings */
  int line;
} lab_trace_place;

typedef struct lab_trace_tables_state {
  lab_table string_table, place_table; /* by content */
  lab_trace_string *strings;
  lab_trace_place *places;
  uint32_t nstrings, nplaces;
  size_t names; /* bytes that strings take, and may take */
  size_t names_max;
  size_t stack_names; /* that they may take in addition when stacks are named */
  uint64_t *used;     /* stacks: a bit each */
  size_t nused;       /* words */
  /* how far the tables are written */
  bool began;
  uint32_t next_stack, next_string;
} lab_trace_tables_state;

/* The number of a string; 0 for an empty one. At most 1024 bytes are kept. */
uint32_t lab_trace_table_name(lab_trace_tables_state *t, const char *text);
/* Notes that an event uses STACK. */
void lab_trace_table_use(lab_trace_tables_state *t, uint32_t stack);
/* Writes the next piece of the tables to OUT; stacks come first, since they
 * make strings. False: there is none left. NOW: the time of the last event.
 * Nobody may add to the tables any more. */
bool lab_trace_table_write(lab_trace_tables_state *t, uint64_t now,
                           lab_trace_namer *namer, lab_buf *out);
void lab_trace_table_free(lab_trace_tables_state *t);

#endif
