/* SPDX-License-Identifier: MIT
 * Frames and functions: what the stacks of all profiles are made of.
 *
 * A frame has 64 bits. A native frame is a code address (in user space, so bit
 * 63 is clear): a return address, except for the leaf of a sample. A script
 * frame has bit 63 set, the id of a function in the table below, and the
 * current line.
 *
 * The function table has what an address alone doesn't name: Lua functions,
 * known by chunk name, line of definition, and order among the functions that
 * begin at this line; the C functions that Lua calls, known by address; and
 * pseudo functions such as "[lua gc]", known by name.
 * Entries are made once and never go away; ids start at 1. Equal functions have
 * the same id, so a chunk that is loaded twice keeps its ids.
 *
 * Only a script that compiles new code again and again fills the table. When
 * all tables of src/stack have LAB_STACK_SOFT_BYTES, new functions of such code
 * become
 * "[too many functions]". Those of files are still entered: they aren't many.
 *
 * Threads: any. A known function is found without a lock; a new one takes a
 * mutex. Signal handlers: only the inline functions and lab_func_get. */
#ifndef LAB_STACK_FRAME_H
#define LAB_STACK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t lab_frame;

enum {
  /* Entries. Further functions become "[too many functions]". */
  LAB_FUNC_LIMIT = 1 << 20,
  /* How many bytes of a chunk's or a function's name are kept and compared. The
   * limit is needed because Lua uses the whole text of a chunk without a name
   * as its name. */
  LAB_FUNC_NAME_MAX = 1024,
};

/* A script frame, and its parts. */
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
  int order;           /* Lua: functions that begin earlier at this line */
  bool of_file;        /* Lua: sources.h has it */
  const void *address; /* C */
  const char *name;    /* C: "lab.copy_n"; pseudo: "[lua gc]"; Lua: NULL */
  /* C: lab_stack_merge leaves it out, so its samples count as its caller's */
  bool hidden;
} lab_func;

/* The id of the Lua function that was defined at LINE of the chunk SOURCE (LEN
 * bytes, with Lua's '@' or '='; lua_Debug's source, srclen, linedefined). ORDER
 * functions of the chunk begin earlier at the same line. */
uint32_t lab_func_lua(const char *source, size_t len, int line, int order);
/* The id of the C function at ADDRESS. NAME and HIDDEN count only if it is
 * new. */
uint32_t lab_func_c(const void *address, const char *name, bool hidden);
/* The id of the pseudo function NAME. */
uint32_t lab_func_pseudo(const char *name);
/* A frame that stands for N others, which a deep stack has no room for. 0: it
 * isn't known how many; made once, it can be made in a signal handler, too. */
lab_frame lab_frame_left_out(size_t n);
/* The N of such a frame; 0: it isn't known, or it is another one. */
size_t lab_frame_count_left_out(lab_frame f);
enum { LAB_LEFT_OUT_NAME = 64 };
/* Writes its name, "[... N frames left out ...]"; returns the length. */
size_t lab_frame_name_left_out(char out[LAB_LEFT_OUT_NAME], size_t n);
/* The id of a registered C function, or 0. */
uint32_t lab_func_find_c(const void *address);
/* The entry; valid for ever. NULL for an unknown id. */
const lab_func *lab_func_get(uint32_t id);

#endif
