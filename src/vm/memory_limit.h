/* SPDX-License-Identifier: MIT
 * How much application memory a step may have, and the error text for a
 * scenario that wants more: it names the place in the script and the limit.
 *
 * mem/mem.h keeps the limit and refuses memory. This file decides which limit
 * holds: the step's own (limits.memory) or 2 GiB, and never more than half of
 * the machine's memory, the container's, or of what the process may still
 * map when it starts (ulimit -v): the lab itself ends where it gets none.
 *
 * A step that has used up its memory must still be diagnosed and left. So short
 * work of the lab's (an error's text, a leak profile) lifts the limit. A switch
 * runs a new scenario.lua, which may want any amount, while tasks of the old
 * step go on: it has a room of its own beyond what is in use, the tasks keep
 * their limit and have a little more, for `leave`. What goes on of a step that
 * was left keeps to the smaller one of its limit and the new step's. Tasks that
 * do the lab's own work give back what was taken, so they are refused nothing.
 *
 * Threads: the VM's, unless it says otherwise. */
#ifndef LAB_VM_MEMORY_LIMIT_H
#define LAB_VM_MEMORY_LIMIT_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct lab_vm lab_vm;

#define LAB_LUA_NO_MEMORY "not enough memory" /* Lua's own words */
enum {
  LAB_MEMORY_LIMIT_TEXT = 96,         /* room for lab_memory_limit_text */
  LAB_MEMORY_TEXT = LUA_IDSIZE + 160, /* room for lab_memory_error_text */
  LAB_MEMORY_SWITCH_ROOM = 64 << 20,  /* what a switch may take */
  LAB_MEMORY_LEAVE_ROOM = 1 << 20,    /* what is left may take meanwhile */
};

/* Who asks for memory. */
typedef enum lab_memory_asker {
  LAB_MEMORY_STEP,   /* the step that is served, or nobody's task */
  LAB_MEMORY_LEFT,   /* what goes on of a step that was left */
  LAB_MEMORY_SWITCH, /* the switch where it runs scenario.lua, or `enter` */
  LAB_MEMORY_OWN,    /* the lab: the rest of a switch, and what it takes back */
} lab_memory_asker;

typedef struct lab_memory {
  size_t limit;                     /* bytes that the step may have */
  size_t left;                      /* besides these of earlier steps */
  size_t most;                      /* that any step may have */
  size_t earlier;                   /* the smallest limit of what is left */
  size_t of_switch;                 /* up to which a switch may go */
  lab_memory_asker asker;           /* whose task runs */
  bool own_limit;                   /* its scenario says so */
  unsigned lifted;                  /* lab_memory_lift without impose so far */
  unsigned own_tasks;               /* that there are: LAB_MEMORY_OWN */
  bool suspended;                   /* a switch is under way */
  bool watched;                     /* the limit depends on who asks */
  bool refused_switch;              /* the last refusal was a switch's */
  char refused_at[LUA_IDSIZE + 16]; /* "file:line: " of the last refusal */
  atomic_size_t shown;              /* the limit, for other threads */
} lab_memory;

/* From now on the step may have BYTES; 0: its scenario says nothing.
 * It holds at once, unless it is lifted. LEFT bytes are in use of earlier
 * steps, which are being given back; they don't count. */
void lab_memory_set_limit(lab_vm *vm, size_t bytes, size_t left);
/* Now LEFT bytes of earlier steps are in use. Whether the limit holds stays as
 * it is. */
void lab_memory_set_left(lab_vm *vm, size_t left);
/* No limit holds from lift to impose. Pairs may be nested. */
void lab_memory_lift(lab_vm *vm);
void lab_memory_impose(lab_vm *vm);
/* From suspend until lab_memory_set_limit or resume a switch is under way: the
 * new scenario.lua has its room beyond what is in use now. */
void lab_memory_suspend(lab_vm *vm);
void lab_memory_resume(lab_vm *vm);
/* Between these two, a task of ASKER's runs. They need only be called while
 * vm->memory.watched. */
void lab_memory_begin_task(lab_vm *vm, lab_memory_asker asker);
void lab_memory_end_task(lab_vm *vm);
/* There is a task more, or less, that does the lab's own work. */
void lab_memory_count_own(lab_vm *vm, bool more);
/* What the step may have, in bytes. read_limit: any thread. */
size_t lab_memory_limit(const lab_vm *vm);
size_t lab_memory_read_limit(lab_vm *vm);

/* The allocator refuses memory: notes where the script is. Allocates nothing.
 */
void lab_memory_note_refusal(void);
/* "the step has 1 GiB (limits.memory)". */
void lab_memory_limit_text(const lab_vm *vm, char *out, size_t size);
/* The text that replaces Lua's error after the last refusal:
 * "scenario.lua:12: not enough memory: the step has 1 GiB (limits.memory)".
 * FAILED, which may be NULL: the coroutine that the error has ended. */
void lab_memory_error_text(lab_vm *vm, lua_State *failed, char *out,
                           size_t size);

#endif
