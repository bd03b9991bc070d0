/* SPDX-License-Identifier: MIT
 * What file.c (Files) and open.c (how they are opened) share. */
#ifndef LAB_LUALIB_FILE_INTERNAL_H
#define LAB_LUALIB_FILE_INTERNAL_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/queue.h"
#include "resources/owned.h"
#include "resources/temp.h"
#include "vm/vm.h"
#include "vm/worker_job.h"

/* A File. User value 1: its path. */
typedef struct lab_file_object {
  lab_owned owned;
  lab_vm *vm;
  int fd;           /* -1: not open (yet, or any more) */
  unsigned users;   /* calls under way */
  bool closing;     /* no new calls; the last one that ends closes it */
  bool is_inline;   /* its calls are done on the VM's thread */
  uint64_t latency; /* ns that each read and each sync takes longer */
} lab_file_object;

/* A call, for the worker that does it. It is on the stack of its task, as is
 * all that it points to. */
typedef struct lab_file_call {
  lab_lua_job job;
  lab_file_object *f; /* or NULL */
  lab_temp *temp;     /* or NULL */
  const char *what;   /* "open", for messages */
  const char *given;  /* the path in messages; open: of the script */
  const char *dir;    /* temp_file: in which folder, checked; or NULL */
  const char *home;   /* open: the scenario's folder */
  int flags;          /* open */
  uint64_t latency;   /* open: the disk's; temp_dir: that it is to have */
  void *data;         /* read, write: n bytes */
  size_t n;
  int fd;         /* close: the file's, which it has no longer */
  ssize_t result; /* -ECANCELED: not run */
  char path[];    /* that is opened; or a template */
} lab_file_call;

/* A new one, not open, on top of the stack. May raise. */
lab_file_object *lab_file_object_new(lua_State *L);
/* It is the running task's step's from now on, and a call is under way. */
void lab_file_object_begin(lab_file_object *f, bool is_inline);
/* Closes it, and the step has it no longer. No call may be under way. */
void lab_file_object_shut(lab_file_object *f);

/* Pushes a call; PATH (may be NULL) is copied into it. May raise. */
lab_file_call *lab_file_call_new(lua_State *L, const char *what,
                                 void (*run)(lab_job *), const char *path);
/* Has C done, then DONE is called, with C as context. */
int lab_file_call_run(lua_State *L, lab_file_call *c, bool is_inline,
                      lua_KFunction done);
/* Pushes nil, the message, the errno; returns 3. */
int lab_file_call_failure(lua_State *L, const lab_file_call *c);

static inline lab_file_call *lab_file_call_of(lab_job *base) {
  return LAB_CONTAINER(base, lab_file_call, job.base);
}

#endif
