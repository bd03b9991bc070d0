/* SPDX-License-Identifier: MIT
 * The commands of the program beside the lab itself: `diaglab load ...`. Each
 * is a file of this folder and a line of the table in tool.c. They run instead
 * of a lab, in a process of their own, before anything of a lab is made.
 *
 * Threads: main only. */
#ifndef LAB_TOOL_TOOL_H
#define LAB_TOOL_TOOL_H

#include <stdio.h>

typedef struct lab_tool {
  const char *name;
  const char *purpose; /* half a line for --help */
  /* ARGV[0] is the name. Returns the exit code: 0, 1 if what it was asked for
   * went wrong, 2 for wrong usage. */
  int (*run)(int argc, char **argv);
} lab_tool;

/* The command called NAME, or NULL. */
const lab_tool *lab_tool_find(const char *name);
/* The command with a name like WORD, which is none; or NULL. */
const lab_tool *lab_tool_find_nearest(const char *word);
/* Writes a line for each: name and purpose. */
void lab_tool_list(FILE *out);

#endif
