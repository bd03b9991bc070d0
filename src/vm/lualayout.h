/* SPDX-License-Identifier: MIT
 * How Lua 5.4 lays out what a debugger must read to show a Lua stack: neither a
 * core file nor a stopped process can be asked to call lua_getinfo.
 *
 * Lua's headers don't say (and Debian's static library has no debug
 * information), so the part that is needed is described here, in our words. It
 * is private to Lua, so it may differ in a later version. Who reads it:
 *
 *   tools/gdb                 by the names in the debug information
 *   vm/stack_cache.c          the addresses of a stack's frames
 *   vm/walk.c                 the frames themselves
 *   vm/load.c                 which functions begin at one line
 *   vm/coroutine.c            how much memory a coroutine takes
 *   lualib/class.h            of which class an argument is
 *   inspect/reach.c           which slots of a stack are in use
 *   vm/gc.c                   the collector's state, what waits for finalizers
 *   vm/atomic_phase.c         the collector's state
 *   vm/hook.c                 whether a call looks for a hook
 *   vm/sampler.c              which function was interrupted
 *   vm/finalizers.c           values, to call functions with them
 *   vm/preempt.c              who would catch an error
 *   vm/rehash.c               tables
 *   vm/long_key.c             strings, and whether they have a hash
 *
 * lab_layout_check compares it with what lua_getinfo says once at start; where
 * it doesn't fit, the program does without (lab_layout_fits).
 * tests/unit/test_vm_layout.c compares it in detail.
 *
 * Threads: any, after lab_layout_check. */
#ifndef LAB_VM_LUALAYOUT_H
#define LAB_VM_LUALAYOUT_H

#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What begins every object that the collector knows. */
#define LAB_LAYOUT_HEADER                                                      \
  void *next_object;                                                           \
  uint8_t type, mark

typedef struct lab_layout_value {
  union {
    void *object;
    lua_CFunction function;
    lua_Integer integer;
    lua_Number number;
  } as;
  uint8_t type;
} lab_layout_value;

/* Characters follow it: short_length of them, or, if bit 4 of the type is set,
 * long_length. */
typedef struct lab_layout_string {
  LAB_LAYOUT_HEADER;
  uint8_t extra;
  uint8_t short_length;
  unsigned hash;
  union {
    size_t long_length;
    void *next_in_hash;
  } u;
  char text[1];
} lab_layout_string;

typedef struct lab_layout_absline {
  int pc, line;
} lab_layout_absline;

/* What was compiled. */
typedef struct lab_layout_proto {
  LAB_LAYOUT_HEADER;
  uint8_t nparams, is_vararg, stack_size;
  int nupvalues, nconstants, ncode, nlineinfo, nprotos, nlocals, nabslineinfo;
  int line_defined, last_line_defined;
  lab_layout_value *constants;
  uint32_t *code;
  struct lab_layout_proto **protos;
  void *upvalues;
  /* Of each instruction, the difference of its line to that of the one before;
   * the lines of some stand in abslineinfo as they are. */
  int8_t *lineinfo;
  lab_layout_absline *abslineinfo;
  void *locals;
  lab_layout_string *source; /* the chunk's name, with its '@' */
  void *gray;
} lab_layout_proto;

typedef struct lab_layout_function {
  LAB_LAYOUT_HEADER;
  uint8_t nupvalues;
  void *gray;
  lab_layout_proto *proto;
} lab_layout_function;

typedef struct lab_layout_cclosure {
  LAB_LAYOUT_HEADER;
  uint8_t nupvalues;
  void *gray;
  lua_CFunction function;
} lab_layout_cclosure;

/* If it has no user values, its memory begins at `gray`. */
typedef struct lab_layout_userdata {
  LAB_LAYOUT_HEADER;
  unsigned short nuser_values;
  size_t size;
  const void *metatable;
  void *gray;
  lab_layout_value user_values[1]; /* its memory follows the last one */
} lab_layout_userdata;

/* A place in a table's hash: the value, and its key. */
typedef struct lab_layout_node {
  union {
    void *object;
    lua_CFunction function;
    lua_Integer integer;
    lua_Number number;
  } as;
  uint8_t type;
  uint8_t key_type;
  int next; /* with the same place: so many nodes on */
  union {
    void *object;
    lua_Integer integer;
  } key;
} lab_layout_node;

typedef struct lab_layout_table {
  LAB_LAYOUT_HEADER;
  uint8_t flags;
  uint8_t log_nodes; /* there are 2^log_nodes */
  unsigned array_limit;
  lab_layout_value *array;
  lab_layout_node *nodes;
  lab_layout_node *last_free; /* NULL: there is none, in no place of its own */
  void *metatable, *gray;
} lab_layout_table;

/* A call under way. FUNC is the function's place on the stack. */
typedef struct lab_layout_call {
  lab_layout_value *func, *top;
  struct lab_layout_call *previous, *next;
  union {
    struct {
      const uint32_t *pc; /* the instruction after the present one */
      volatile sig_atomic_t trap;
      int nextra;
    } lua;
    struct {
      lua_KFunction k;
      ptrdiff_t errfunc;
      lua_KContext context;
    } c;
  } u;
  int various;
  short nresults;
  unsigned short status;
} lab_layout_call;

/* A coroutine. */
typedef struct lab_layout_state {
  LAB_LAYOUT_HEADER;
  uint8_t status; /* LUA_OK, LUA_YIELD, or an error */
  uint8_t allow_hook;
  unsigned short ncalls;
  lab_layout_value *top;
  void *global;
  lab_layout_call *call; /* the innermost one */
  lab_layout_value *stack_last, *stack;
  void *open_upvalues;
  lab_layout_value *to_close;
  void *gray;
  struct lab_layout_state *twups;
  void *error_jump;
  lab_layout_call base; /* the outermost one, of no function */
} lab_layout_state;

/* What all coroutines have in common: its beginning. */
typedef struct lab_layout_global {
  lua_Alloc allocator;
  void *allocator_data;
  ptrdiff_t total, debt;
  size_t estimate, last_atomic;
  struct {
    void **lists;
    int count, size;
  } strings;
  lab_layout_value registry, nil;
  unsigned seed;
  uint8_t white, state, kind, no_emergency, minor, major;
  uint8_t stopped;   /* the collector doesn't run */
  uint8_t emergency; /* it calls no finalizer, and moves no stack */
  uint8_t pause;     /* in 4 % */
  uint8_t step_factor, step_size;
  void *all, *sweep, *with_finalizer, *gray[5];
  void *to_finalize; /* the first one, by next_object: nobody reaches it any
                        more, and it isn't finalized yet */
  void *fixed, *ages[7];
  struct lab_layout_state
      *twups; /* coroutines with open upvalues, by twups; one
                 that isn't in this list leads to itself */
  lua_CFunction panic;
  struct lab_layout_state *main;
} lab_layout_global;
/* lab_layout_global.state, and .kind */
enum { LAB_LAYOUT_ATOMIC = 2, LAB_LAYOUT_NO_CYCLE = 8 };
enum { LAB_LAYOUT_GENERATIONAL = 1 };

/* What an instruction does, and the one that calls a function in its caller's
 * place: "return f()". */
enum { LAB_LAYOUT_OPERATION = 0x7f, LAB_LAYOUT_TAIL_CALL = 69 };

typedef struct lab_layout {
  /* lab_layout_value.type: Lua's number, a variant, whether it is collected */
  uint8_t lua_function;
  uint8_t c_function; /* as.function */
  uint8_t c_closure;  /* as.object: lab_layout_cclosure */
  uint8_t userdata;   /* as.object: lab_layout_userdata */
  uint8_t table;      /* as.object: lab_layout_table */
  uint8_t integer;    /* as.integer; also the type of a key */
  uint8_t empty;      /* there is no value */
  /* Bits of lab_layout_call.status */
  unsigned short call_c, call_tail;
  unsigned short call_recovers; /* pcall, where it may be yielded across */
  /* One pointer of each kind, so that the compiler writes all types down. */
  lab_layout_state *state;
  lab_layout_call *call;
  lab_layout_value *value;
  lab_layout_string *string;
  lab_layout_proto *proto;
  lab_layout_function *function;
  lab_layout_cclosure *cclosure;
  lab_layout_userdata *full_userdata;
  lab_layout_table *whole_table;
} lab_layout;
extern const lab_layout lab_lua_layout;

/* Compares LAYOUT (lab_lua_layout, but for tests) with lua_getinfo on stacks
 * that it makes in L, and notes whether it fits: not if memory is out, which
 * raises. A read through a wrong pointer is noticed, not made. Once, at start,
 * before other threads use L. */
void lab_layout_check(lua_State *L, const lab_layout *layout);
/* False: nothing of the above may be read. */
bool lab_layout_fits(void);

/* NULL: it may not be read. */
static inline lab_layout_global *lab_layout_global_of(lua_State *L) {
  return lab_layout_fits() ? ((lab_layout_state *)(void *)L)->global : NULL;
}

/* The memory of a userdata. */
static inline void *lab_layout_memory(lab_layout_userdata *u) {
  return u->nuser_values == 0 ? (void *)&u->gray
                              : (void *)(u->user_values + u->nuser_values);
}

#endif
