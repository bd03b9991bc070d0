/* SPDX-License-Identifier: MIT
 * Lua's stack, read while the VM's thread is in a C function that doesn't come
 * back soon.
 *
 * Such a function stands still for Lua: its list of calls doesn't change, so a
 * signal handler can read it. But a handler may take no lock and no memory, so
 * there are two steps: it copies what frames are made of, and another thread
 * makes a stack of the copy. */
#ifndef LAB_VM_SIGNAL_WALK_H
#define LAB_VM_SIGNAL_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/walk.h"

enum { LAB_SIGNAL_WALK_SOURCES = 16 };

typedef struct lab_copied_level {
  enum { LAB_COPIED_LUA, LAB_COPIED_C, LAB_COPIED_LEFT_OUT } kind;
  const void *c;   /* C: the function */
  unsigned source; /* Lua: which of the sources */
  int line_defined, order, line;
} lab_copied_level;

/* A copy: 20 KB. */
typedef struct lab_signal_walk {
  size_t n, left_out, nsources;
  lab_copied_level levels[LAB_WALK_DEPTH];
  const void *strings[LAB_SIGNAL_WALK_SOURCES]; /* Lua's; may be gone */
  size_t lengths[LAB_SIGNAL_WALK_SOURCES];
  char sources[LAB_SIGNAL_WALK_SOURCES][LAB_FUNC_NAME_MAX];
} lab_signal_walk;

/* Copies the stack of CHAIN, which runs on the interrupted thread. False: it
 * may be changing at this moment, or it has functions of too many chunks. Only
 * in a signal handler on the VM's thread. */
bool lab_signal_walk_take(lab_signal_walk *w, const lab_resumed *chain,
                          const void *ucontext);
/* The stack id of the copy. Any thread; not in a signal handler. */
uint32_t lab_signal_walk_intern(const lab_signal_walk *w);

#endif
