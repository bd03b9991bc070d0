/* SPDX-License-Identifier: MIT
 * Texts of /proc, as proc(5) describes them. Pure functions: any thread. */
#ifndef LAB_BASE_PROC_TEXT_H
#define LAB_BASE_PROC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* What is taken of /proc/PID/stat, and of a thread's. */
typedef struct lab_proc_stat {
  uint64_t threads;
  uint64_t start_ticks; /* since the machine was started */
  uint64_t virtual_bytes;
  uint64_t rss_pages;
  char state; /* 'R': it runs or waits for a processor; 'S', 'D': it sleeps */
} lab_proc_stat;

/* Reads TEXT, 0-terminated. False, and OUT unchanged: it is something else. */
bool lab_proc_parse_stat(const char *text, lab_proc_stat *out);

/* What is taken of /proc/PID/io: calls of read and write, and those of their
 * kind, and how many bytes they have moved. */
typedef struct lab_proc_io {
  uint64_t read_bytes, written_bytes, reads, writes;
} lab_proc_io;

/* The same for TEXT of this file. */
bool lab_proc_parse_io(const char *text, lab_proc_io *out);

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
