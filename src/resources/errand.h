/* SPDX-License-Identifier: MIT
 * An errand is something that the control thread does for a scenario: a request
 * to some server, a server, a child process, or waiting for sockets.
 *
 * The VM makes the object and owns its memory; `impl` refers to the part of
 * src/services. The control thread calls start and later stop, once each (but
 * see stop_again), even if the errand has ended by itself before. The object is
 * freed only after that. In between the services report news by
 * lab_errand_tell.
 *
 * Messages of one thread arrive in order, in both directions. So the control
 * thread gets stop after start. It answers stop by the goodbye, which the VM
 * gets after all news; then the VM has the control thread free the object. */
#ifndef LAB_RESOURCES_ERRAND_H
#define LAB_RESOURCES_ERRAND_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/queue.h"
#include "resources/fds.h"
#include "task/sched.h"

typedef struct lab_vm lab_vm;

/* An order from the VM to the control thread, run by lab_orders_run. */
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
  uint32_t stack, label; /* of the task that began it */
  lab_fd_account fds;    /* the step's descriptors that it has */
  bool stopped;
  bool stops_again; /* the control thread's */
  lab_order start_order, stop_order;
  lab_post news[2], goodbye;
} lab_errand;

/* Reports NEWS to the VM: 0 (it began, or could not begin; or the answer came)
 * or 1 (it ended by itself; or what the VM has asked for). Each at most once,
 * or once for each time that the VM asks, before stop. What happened has been
 * written into the object before; from now on the VM reads it. */
void lab_errand_tell(lab_errand *e, int news);
/* Opened: a descriptor was opened for E. 0, or -EMFILE if the process needs it
 * itself; the caller closes it then. Closing: FD is about to be closed. */
int lab_errand_opened(const lab_errand *e, int fd);
void lab_errand_closing(int fd);
/* Called from stop, which isn't done yet: it has so much to close that others
 * get their turn in between. It is called again. */
void lab_errand_stop_again(lab_errand *e);
/* For descriptors that come from outside, such as a server's clients. Take:
 * called before one is accepted; 0, or -EMFILE while there may be no more.
 * Accepted: FD was accepted. Give: FD is about to be closed; -1: none was
 * accepted. */
int lab_errand_take(lab_errand *e);
void lab_errand_accepted(const lab_errand *e, int fd);
void lab_errand_give(lab_errand *e, int fd);

/* Connections that requests share. It has no news. What it has when it ends is
 * closed, also what requests use: they fail. */
typedef struct lab_fetch_pool {
  lab_errand errand;
  uint64_t idle_ms; /* for which one is kept without use; 0: no limit */
  void *memory;     /* services.pool_size bytes of the scenario's, which the
                       service takes over; then NULL */
} lab_fetch_pool;

/* A request: strings are 0-terminated. News 0: the rest is filled in.
 *
 * If it is taken in parts, ANSWER is empty then, unless there is an error or
 * IS_LAST says that no part follows. After that the VM asks for one part after
 * the other, by services.read_fetch. News 1: ANSWER has it; or an error. */
typedef struct lab_fetch {
  lab_errand errand;
  size_t size; /* of this block, the scenario's memory (lab_counted_free) */
  const char *method, *url, *headers; /* in it. Headers: whole lines */
  lab_buf body;
  uint64_t timeout_ms; /* 0: none */
  uint64_t part_timeout_ms;
  lab_fetch_pool *pool; /* NULL: a connection of its own. It ends later */
  bool in_parts;
  size_t wanted; /* read_fetch: bytes, 1 or more; SIZE_MAX: all that follow */
  lab_order read_order;

  int error; /* negative errno */
  char message[256];
  int status;
  bool is_last;           /* in parts: ANSWER has the last one */
  lab_buf answer_headers; /* "name: value\n" each */
  lab_buf answer;
} lab_fetch;

enum { LAB_SERVE_FUNCTION = 2 };

/* A server. News 0: it listens, or error. Its requests come as lab_request. */
typedef struct lab_serve {
  lab_errand errand;
  char address[64]; /* wanted, "127.0.0.1:0"; then the real one */
  uint64_t idle_ms; /* for which a client may be silent; 0: no limit */

  int error;
  char message[256];

  /* VM: the object, which is anchored under this address and has the function
   * as its user value LAB_SERVE_FUNCTION; NULL: it is closed. */
  const void *object;
  uint32_t generation;
} lab_serve;

struct lab_child;

/* This process's end of a pipe to a child, of which the child has the other as
 * its descriptor 0, 1 or 2. Its descriptor is one of the step's: the errand's
 * account has it from the beginning.
 *
 * The VM reads or writes it, without blocking. Where that isn't possible it has
 * the control thread wait, by an order; `ready` is posted when it is possible,
 * or `error` is set. One order at a time. */
typedef struct lab_pipe {
  struct lab_child *child;
  void *impl; /* the services' own part */
  void *user; /* the VM's own */
  int fd;     /* 0: there is none (yet, or any more) */
  int error;  /* of waiting: a negative errno */
  lab_order wait_order, close_order;
  lab_post ready;
} lab_pipe;

/* A child process. News 0: it runs, or error. News 1: it ended. */
typedef struct lab_child {
  lab_errand errand;
  char **argv; /* NULL at the end. All words are in this one block, which is
                  the scenario's memory (lab_counted_free) */
  size_t argv_size;
  bool wants_pipe[3]; /* for its descriptors 0 to 2; else /dev/null */
  bool err_as_out;    /* its descriptor 2 is what 1 is */
  bool stays_zombie;  /* its end isn't collected until that is ordered */
  char *input; /* what it reads from 0, where that isn't NULL: the services
                  write it, and close the pipe. The scenario's memory */
  size_t input_size, input_done;

  int error;
  int pid;
  int code, signal;  /* how it ended; signal 0: by itself */
  lab_pipe pipes[3]; /* that it wants */
  lab_order collect_order, kill_order;
  _Atomic uint64_t signals; /* that it is to get: lualib/process.c */
} lab_child;

/* The child processes of all scenarios. */
typedef struct lab_child_counts {
  uint64_t started; /* since the lab was; now: */
  unsigned running, zombies;
} lab_child_counts;

enum { LAB_PLACE_TEXT = 300 };

/* What wakes a step's tasks that wait for sockets: watch.h. News 0: it can't
 * (error). */
typedef struct lab_bell {
  lab_errand errand;
  int fd; /* while it is readable the service calls lab_watch_ring */

  int error;
} lab_bell;

typedef struct lab_services {
  void *arg; /* for the services' own use */
  /* Where URL's server is, "localhost:80", in LAB_PLACE_TEXT bytes: requests to
   * the same place can share connections. NULL, or what is wrong with URL. Any
   * thread. */
  const char *(*find_place)(const char *url, char *out);
  void (*fetch)(lab_errand *e);
  void (*read_fetch)(lab_fetch *fetch);
  void (*stop_fetch)(lab_errand *e);
  void (*pool)(lab_errand *e);
  void (*stop_pool)(lab_errand *e);
  size_t pool_size; /* bytes that the service keeps of each pool */
  void (*serve)(lab_errand *e);
  void (*stop_serve)(lab_errand *e);
  void (*spawn)(lab_errand *e);
  void (*kill)(lab_child *child, int signal); /* ignored if it has ended */
  void (*stop_child)(lab_errand *e);          /* kills it and its group */
  void (*collect)(lab_child *child);          /* it stays a zombie no longer */
  lab_child_counts (*count_children)(void);   /* control thread */
  void (*wait_pipe)(lab_pipe *pipe);  /* until it can be read, or written */
  void (*close_pipe)(lab_pipe *pipe); /* the VM has given it back */
  void (*watch)(lab_errand *e);
  void (*stop_watch)(lab_errand *e);
} lab_services;

typedef struct lab_errands {
  const lab_services *services; /* NULL: there are none */
  lab_mpsc orders;              /* on their way to the control thread */
  lab_mpsc_node *taken;         /* by it, and not run yet */
  lab_list started;             /* by link; the control thread's */
} lab_errands;

/* ---- the VM's thread ----------------------------------------------------- */

void lab_errands_init(lab_vm *vm, const lab_services *services);
/* The services that the VM was given, or NULL. */
const lab_services *lab_services_of(const lab_vm *vm);
/* The same, for a library function: raises if there are no services, or if no
 * task runs. */
const lab_services *lab_lua_check_services(lua_State *L);
/* Has RUN called on the control thread. O is in the caller's memory. */
void lab_order_send(lab_vm *vm, lab_order *o, void (*run)(lab_order *));
/* Begins E for the running task and the function that L is in. The caller has
 * zeroed it and set start, stop, told and freed. Told is called on the VM's
 * thread, and not after lab_errand_end, which must be called once. Freed is
 * called some time after that, on the control thread. */
void lab_errand_begin(lua_State *L, lab_errand *e);
void lab_errand_end(lab_errand *e);

/* ---- the control thread -------------------------------------------------- */

/* Does what the VM has ordered, for 2 ms; of the rest it is woken again. */
void lab_orders_run(lab_vm *vm);
/* Frees all errands that are left, after the VM's thread has ended. */
void lab_errands_free(lab_vm *vm);

#endif
