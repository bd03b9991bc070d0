/* SPDX-License-Identifier: MIT
 * Frames and functions: the alphabet in which every profile is written.
 *
 * A frame is 64 bits. Native: a code address (user space, so bit 63 is clear);
 * a return address, except for the leaf of a sample. Script: bit 63, the
 * number of a function in the table below, and the current line.
 *
 * The function table names what has no address of its own: Lua functions,
 * known by (chunk name, line of definition), the C functions that Lua calls,
 * known by pointer, and pseudo functions such as "[lua gc]", known by name.
 * Entries are made once and never go away; ids start at 1. Identity is by
 * content, so that a chunk loaded twice keeps its ids.
 *
 * Threads: any. What exists is found without a lock; a new entry takes a mutex.
 * Never in a signal handler, but for the inline functions and lab_func_get. */
#ifndef LAB_STACK_FRAME_H
#define LAB_STACK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t lab_frame;

enum {
  /* Entries; further functions become "[too many functions]". Only a script
   * that compiles new code all the time gets there. */
  LAB_FUNC_LIMIT = 1 << 20,
  /* Bytes of a chunk name or a function's name that are kept and compared: Lua
   * calls a chunk without a name by its whole text. */
  LAB_FUNC_NAME_MAX = 1024,
};

static inline lab_frame lab_frame_script(uint32_t func, int line) {
  return 1ull << 63 | (uint64_t)func << 32 | (uint32_t)(line > 0 ? line : 0);
}
static inline bool lab_frame_is_script(lab_frame f) {
  return f >> 63;
}
static inline uint32_t lab_frame_func(lab_frame f) {
  return (uint32_t)(f >> 32) & 0x7fffffff;
}
static inline int lab_frame_line(lab_frame f) {
  return (int)(uint32_t)f;
}

typedef enum lab_func_kind {
  LAB_FUNC_LUA,   /* source, line */
  LAB_FUNC_C,     /* address, name */
  LAB_FUNC_PSEUDO /* name: "[lua gc]" */
} lab_func_kind;

typedef struct lab_func {
  lab_func_kind kind;
  const char *source;  /* Lua: chunk name, with its '@' */
  int line;            /* Lua: line of definition; 0 = main chunk */
  const void *address; /* C */
  const char *name;    /* C: "lab.copy_n"; pseudo: "[lua gc]"; Lua: NULL */
  /* C: lab_stack_merge leaves it out; what it does is charged to its caller */
  bool hidden;
} lab_func;

/* The id of the Lua function that was defined at LINE of the chunk SOURCE (LEN
 * bytes, with Lua's '@' or '='; lua_Debug's source, srclen, linedefined). */
uint32_t lab_func_lua(const char *source, size_t len, int line);
/* Registers or finds a C function; NAME and HIDDEN are those of the first
 * call. */
uint32_t lab_func_c(const void *address, const char *name, bool hidden);
/* The id of what has a name only. */
uint32_t lab_func_pseudo(const char *name);
/* The id of a registered C function, or 0. */
uint32_t lab_func_find_c(const void *address);
/* The entry; valid for ever. NULL for an unknown id. */
const lab_func *lab_func_get(uint32_t id);

#endif
