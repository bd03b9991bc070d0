/* SPDX-License-Identifier: MIT
 * Texts of /proc, as proc(5) describes them. Pure functions: any thread. */
#ifndef LAB_BASE_PROC_TEXT_H
#define LAB_BASE_PROC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* What is taken of /proc/PID/stat. */
typedef struct lab_proc_stat {
  uint64_t threads;
  uint64_t start_ticks; /* since the machine was started */
  uint64_t virtual_bytes;
  uint64_t rss_pages;
} lab_proc_stat;

/* Reads TEXT, 0-terminated. False, and OUT unchanged: it is something else. */
bool lab_proc_parse_stat(const char *text, lab_proc_stat *out);

/* A line of /proc/PID/maps. */
typedef struct lab_proc_map {
  uint64_t start, limit, offset;
  bool executable, writable;
  const char *path; /* in the line; "" if it is no file's */
} lab_proc_map;

/* Reads LINE, 0-terminated; where a newline is, there is a 0 then. False: it is
 * something else. */
bool lab_proc_parse_map(char *line, lab_proc_map *out);

#endif
