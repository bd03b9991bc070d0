/* SPDX-License-Identifier: MIT
 * Errands: what the control thread does for scenarios. A request to some
 * server, a server, a child process.
 *
 * The VM makes the object and owns its memory; the services' part hangs on it
 * (src/services). It begins with start, on the control thread, and ends with
 * stop there, always, even if it is over before; only then the object is freed.
 * In between the services say what happened by lab_errand_tell.
 *
 * Messages of one thread arrive in order, in both directions. So the control
 * thread sees stop after start, and the VM sees the goodbye, which answers
 * stop, after all news: then it lets the control thread free the object. */
#ifndef LAB_RESOURCES_ERRAND_H
#define LAB_RESOURCES_ERRAND_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/queue.h"
#include "resources/fds.h"
#include "task/sched.h"

typedef struct lab_vm lab_vm;

/* Something for the control thread to do, in lab_orders_run. */
typedef struct lab_order {
  lab_mpsc_node node;
  void (*run)(struct lab_order *order);
} lab_order;

typedef struct lab_errand {
  void *impl; /* the services' own part */
  void *user; /* the VM's own */
  void (*start)(struct lab_errand *e);
  void (*stop)(struct lab_errand *e);

  lab_vm *vm;
  /* The rest is the VM's. */
  lab_list link;
  void (*told)(struct lab_errand *e, int news);
  void (*freed)(struct lab_errand *e);
  uint32_t stack, label; /* of who wanted it */
  lab_fd_account fds;    /* the step's descriptors that it has */
  bool stopped;
  lab_order start_order, stop_order;
  lab_post news[2], goodbye;
} lab_errand;

/* NEWS 0 (it began, or could not; or the answer came) or 1 (it ended by
 * itself): each once at most, before stop. What they are about has been written
 * into the object, which the VM reads from now on. */
void lab_errand_tell(lab_errand *e, int news);
/* A descriptor was opened for it: 0, or -EMFILE when the process needs that one
 * itself (close it then). And: it is about to be closed. */
int lab_errand_opened(const lab_errand *e, int fd);
void lab_errand_closing(int fd);
/* For descriptors that come by themselves, as clients do. Take: before one is
 * accepted; 0, or -EMFILE while there may be no more. Accepted: FD came. Give:
 * it is about to be closed; or (-1) none came. */
int lab_errand_take(lab_errand *e);
void lab_errand_accepted(const lab_errand *e, int fd);
void lab_errand_give(lab_errand *e, int fd);

/* A request: strings are 0-terminated. News 0: the rest is filled in. */
typedef struct lab_fetch {
  lab_errand errand;
  char *method, *url, *headers; /* headers: whole lines */
  lab_buf body;
  uint64_t timeout_ms; /* 0: none */

  int error; /* negative errno */
  char message[256];
  int status;
  lab_buf answer_headers; /* "name: value\n" each */
  lab_buf answer;
} lab_fetch;

/* A server. News 0: it listens, or error. Its requests come as lab_request. */
typedef struct lab_serve {
  lab_errand errand;
  char address[64]; /* wanted, "127.0.0.1:0"; then the real one */

  int error;
  char message[256];

  int function; /* VM: registry reference, or LUA_NOREF */
  int object;
  uint32_t generation;
} lab_serve;

/* A child process. News 0: it runs, or error. News 1: it ended. */
typedef struct lab_child {
  lab_errand errand;
  char **argv; /* NULL at the end; one block of memory each */

  int error;
  int pid;
  int code, signal; /* how it ended; signal 0: by itself */
} lab_child;

typedef struct lab_services {
  void *arg; /* for the services' own use */
  void (*fetch)(lab_errand *e);
  void (*stop_fetch)(lab_errand *e);
  void (*serve)(lab_errand *e);
  void (*stop_serve)(lab_errand *e);
  void (*spawn)(lab_errand *e);
  void (*kill)(lab_child *child, int signal); /* ignored if it has ended */
  void (*stop_child)(lab_errand *e);          /* kills it and its group */
} lab_services;

typedef struct lab_errands {
  const lab_services *services; /* NULL: there are none */
  lab_mpsc orders;              /* on their way to the control thread */
  lab_list started;             /* by link; the control thread's */
} lab_errands;

/* ---- the VM's thread ----------------------------------------------------- */

void lab_errands_init(lab_vm *vm, const lab_services *services);
/* The services that the VM was given, or NULL. */
const lab_services *lab_services_of(const lab_vm *vm);
/* The same, for a library function: raises where there is no task, or nobody
 * to do errands. */
const lab_services *lab_lua_check_services(lua_State *L);
/* Has RUN called on the control thread; O lies in the caller's memory. */
void lab_order_send(lab_vm *vm, lab_order *o, void (*run)(lab_order *));
/* E (zeroed, but start, stop, told and freed) belongs to the running task and
 * the function that L is in. Told is called on this thread, and never after
 * end, which must be called once; freed some time after that, on the control
 * thread. */
void lab_errand_begin(lua_State *L, lab_errand *e);
void lab_errand_end(lab_errand *e);

/* ---- the control thread -------------------------------------------------- */

/* Does what the VM has ordered. */
void lab_orders_run(lab_vm *vm);
/* Frees all that are left; after the VM's thread has ended. */
void lab_errands_free(lab_vm *vm);

#endif
