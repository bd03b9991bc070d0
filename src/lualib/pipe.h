/* SPDX-License-Identifier: MIT
 * The pipes to a child process, for its Process (process.c).
 *
 * The VM reads and writes by itself, as a goroutine does, and never blocks: a
 * task that has to wait is parked, and the control thread tells when it may
 * try again. So nothing is read before somebody asks for it.
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_PIPE_H
#define LAB_LUALIB_PIPE_H

#include <lua.h>
#include <stdbool.h>

#include "resources/errand.h"
#include "resources/owned.h"
#include "vm/vm.h"

/* Part of a Process, which is argument 1 of every method. */
typedef struct lab_lua_pipe {
  lab_owned owned;
  const char *name; /* "stdin"; NULL: the child has no such pipe */
  lab_pipe *pipe;   /* of the child; NULL: not open (yet, or any more) */
  lab_list waiting; /* tasks, by lab_task.link */
  bool asked;       /* the control thread waits for it */
  int error;        /* why it couldn't: a negative errno */
  bool at_end;      /* nothing is left to read */
  bool closed;      /* by the scenario */
  const lab_lua_task *writer; /* whose turn it is, or NULL */
} lab_lua_pipe;

/* NAME is a literal, or NULL: there will be no such pipe. */
void lab_lua_pipe_init(lab_lua_pipe *p, const char *name);
/* PIPE is open, and is the running task's step's. */
void lab_lua_pipe_open(lab_vm *vm, lab_lua_pipe *p, lab_pipe *pipe);
/* Closes its descriptor. Nothing happens if it isn't open. */
void lab_lua_pipe_shut(lab_lua_pipe *p);

/* Methods, whose other arguments begin at 2. The pipe has a name. */
int lab_lua_pipe_read(lua_State *L, lab_lua_pipe *p);
int lab_lua_pipe_write(lua_State *L, lab_lua_pipe *p);
int lab_lua_pipe_close(lua_State *L, lab_lua_pipe *p);

#endif
