/* SPDX-License-Identifier: MIT
 * What a trace's events refer to: strings, and stacks. Internal to src/trace.
 *
 * Strings are entered when an event uses them. Of stacks only the numbers are
 * noted; they are written, with the strings of their names, at the end. A frame
 * is known to the format's readers by its pc: here that is the number of the
 * triple of function, file and line.
 *
 * Threads: the recording's lock. */
#ifndef LAB_TRACE_TABLE_H
#define LAB_TRACE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

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
  uint64_t *used; /* stacks: a bit each */
  size_t nused;   /* words */
  /* how far the tables are written */
  bool began;
  uint32_t next_stack, next_string;
} lab_trace_tables_state;

/* The number of a string; 0 for an empty one. At most 1024 bytes are kept. */
uint32_t lab_trace_table_string(lab_trace_tables_state *t, const char *text,
                                size_t len);
uint32_t lab_trace_table_name(lab_trace_tables_state *t, const char *text);
/* The number of a place; 0: there is no room for another. */
uint32_t lab_trace_table_place(lab_trace_tables_state *t,
                               lab_trace_place place);
void lab_trace_table_use(lab_trace_tables_state *t, uint32_t stack);
/* The least stack in use from STACK on, or 0. */
uint32_t lab_trace_table_next(const lab_trace_tables_state *t, uint32_t stack);
void lab_trace_table_free(lab_trace_tables_state *t);

#endif
