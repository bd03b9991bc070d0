/* SPDX-License-Identifier: MIT
 * Primitives from outside the tree (include/diaglab/primitive.h): loads shared
 * objects, checks them, and keeps the list. It calls nothing of theirs:
 * lualib/primitive.c does. The files: object_check < object_file < plugin.
 *
 * Code that was loaded stays for ever, because stacks have its addresses.
 *
 * Threads: the one that makes the VM, before there is one. The list: any, while
 * there is one. */
#ifndef LAB_PLUGIN_PLUGIN_H
#define LAB_PLUGIN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "diaglab/primitive.h"

typedef struct lab_plugin {
  const lab_primitive *primitive;
  char *file; /* its path, or NULL: the program's own */
} lab_plugin;

/* Loads the file and lists its primitive. 0, or a negative errno and ERR, a
 * sentence: then nothing is listed. */
int lab_plugin_load(const char *file, lab_err *err);
/* Lists a primitive of the program that embeds the lab; it must stay. */
int lab_plugin_add(const lab_primitive *primitive, lab_err *err);
/* How many are listed, in *OUT. */
size_t lab_plugin_list(const lab_plugin **out);
/* A number that is another one if other names are listed: what was read of a
 * scenario depends on them. */
uint64_t lab_plugin_mark(void);
/* None is listed any more. */
void lab_plugin_clear(void);

#endif
