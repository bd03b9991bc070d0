/* SPDX-License-Identifier: MIT
 * The application: one Lua VM on a thread of its own, the scenarios it runs,
 * and the way requests get in and answers out. The only module that includes
 * lua.h; this header doesn't.
 *
 * Threads: the control thread, except where it says "any". */
#ifndef LAB_SCRIPT_SCRIPT_H
#define LAB_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "prof/registry.h"
#include "task/sched.h"
#include "task/worker.h"
#include "trace/trace.h"

typedef struct lab_vm lab_vm;

/* Lets the profilers see Lua. Once, before lab_vm_new. */
void lab_vm_init_profiles(void);

/* ---- errands: what the control thread does for scenarios ------------------
 *
 * A request to some server, a server, a child process. The VM makes the object
 * and owns its memory; the services' part hangs on it. It begins with start,
 * on the control thread, and ends with stop there, always, even if it is over
 * before; only then the object goes. In between the services say what happened
 * by lab_errand_tell. */

/* A letter to the control thread, delivered by lab_vm_collect. */
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
  unsigned fds;          /* descriptors of the step's that it has: fds.c */
  bool ended;            /* and it gets no more */
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
void lab_errand_closing(const lab_errand *e, int fd);
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

/* A server. News 0: it listens, or error. Its requests come as exchanges. */
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

typedef struct lab_vm_services {
  void *arg; /* for the services' own use */
  void (*fetch)(lab_errand *e);
  void (*stop_fetch)(lab_errand *e);
  void (*serve)(lab_errand *e);
  void (*stop_serve)(lab_errand *e);
  void (*spawn)(lab_errand *e);
  void (*kill)(lab_child *child, int signal); /* ignored if it has ended */
  void (*stop_child)(lab_errand *e);          /* kills it and its group */
} lab_vm_services;

typedef struct lab_vm_config {
  const char *const *scenario_dirs; /* in order of preference; copied */
  size_t nscenario_dirs;
  const char *const *params; /* "N.key=value", checked; copied */
  size_t nparams;
  const char *lua_dir; /* where lua/main.lua can be read by tools, or NULL */
  unsigned workers;    /* worker threads; 0 = one per processor */
  const lab_vm_services *services; /* must stay */
  /* Any thread: answers wait for lab_vm_collect. Must not block. */
  void (*wake)(void *arg);
  void *arg;
} lab_vm_config;

/* Makes the VM and its thread, in step 0. */
int lab_vm_new(lab_vm **out, const lab_vm_config *config, lab_err *err);

/* Ends all tasks, joins the threads, frees everything. Exchanges that were not
 * answered are answered with 503 first. Returns false, and leaves everything
 * as it is, if the VM sits in C code that can't be interrupted for longer
 * than TIMEOUT_MS: then all one can do is exit. */
bool lab_vm_free(lab_vm *vm, unsigned timeout_ms);
/* The process exits although that failed: removes what scenarios have on disk.
 */
void lab_vm_abandon(lab_vm *vm);
/* Free was called: nothing may be given to the VM any more. */
bool lab_vm_is_stopping(const lab_vm *vm);

/* One request on its way through the VM. The caller fills the first part, keeps
 * everything it points to until `answered` was called, and then owns the
 * second part (both buffers are the caller's to free). */
typedef struct lab_exchange {
  const lab_serve *serve; /* of which server; NULL: the lab's own */
  const char *method;
  const char *path;
  const char *query; /* raw, "" if there is none */
  const char *body;
  size_t method_len, path_len, query_len, body_len;
  void (*answered)(struct lab_exchange *x); /* from lab_vm_collect */
  void *user;

  int status;
  char content_type[128];
  lab_buf headers; /* further ones, "Name: value\r\n" each */
  lab_buf reply;

  lab_post post; /* the rest belongs to the VM */
  bool (*part)(struct lab_exchange *x, lab_sched *s);
  atomic_int phase; /* lab_exchange_phase */
  lab_vm *vm;
  struct lab_lua_task *task; /* a request: what serves it */
  lab_list link;             /* a request with a task: in vm->requests */
  uint64_t started;          /* mono ns */
  int step; /* goto: where to; a request: the step that served it */
} lab_exchange;

/* Runs X through main.helloWorldHandler (path "/") or the step's route. The VM
 * may sleep on until lab_vm_kick: call that once per round of the loop. */
void lab_vm_request(lab_vm *vm, lab_exchange *x);
void lab_vm_kick(lab_vm *vm);
/* True if the present step serves PATH besides "/". */
bool lab_vm_has_route(lab_vm *vm, const char *path, size_t len);

/* Switches to STEP with the parameters in x->query ("step" is left out).
 * Answers: 200 "switched to step N", 400 for an unknown step or parameter, 500
 * when the scenario is broken (then step 0 is active), 503 if it was pushed
 * aside by a later switch. */
void lab_vm_goto(lab_vm *vm, lab_exchange *x, int step);

/* For a goto that takes too long. Interrupt: whatever Lua code is running gets
 * an error at its next instruction, so do requests that stand ready behind it,
 * and a switch that is under way is cut short; interrupt_step spares the
 * switch. Withdraw: if the VM has not begun with X it never will; writes what
 * the VM is busy with into WHY and returns true. X is still the VM's until
 * `answered`, with a status of 0. */
void lab_vm_interrupt(lab_vm *vm);
void lab_vm_interrupt_step(lab_vm *vm);
bool lab_vm_withdraw(lab_vm *vm, lab_exchange *x, lab_err *why);
/* True if the VM took no notice of the last interruption, since something else
 * than the switch to X keeps it; WHY says what. */
bool lab_vm_stuck(lab_vm *vm, const lab_exchange *x, lab_err *why);
/* The step before is left, so it is the new one that takes its time. */
bool lab_vm_is_entering(const lab_exchange *x);

/* Runs a full collection, then answers (heap?gc=1). */
void lab_vm_collect_garbage(lab_vm *vm, lab_exchange *x);

/* Once a second: looks at the step that is being entered, if there is one, and
 * logs where it is when that takes long. */
void lab_vm_tick(lab_vm *vm);

/* Calls PART on the VM's thread, between two tasks, again and again while it
 * returns true: tasks and letters have their turn in between (unless the lab
 * stops). Then answers. */
void lab_vm_call(lab_vm *vm, lab_exchange *x,
                 bool (*part)(lab_exchange *x, lab_sched *s));

/* Takes a picture of all tasks, as they are when the VM gets to it: R's
 * snapshot will be a lab_goroutines (prof/goroutine.h). It waits for as long as
 * the VM sits in C code. Not once the lab is stopping (lab_web_stop). */
void lab_vm_survey(lab_vm *vm, lab_profile_request *r);
/* Begins a trace (trace/trace.h) of at most MAX_EVENTS (0: the default); it
 * starts once lab_trace_started, when the VM has time for a look at all tasks.
 * -EBUSY while there is one, or the VM hasn't yet heard of the last one's
 * beginning. */
int lab_vm_trace_begin(lab_vm *vm, uint64_t max_events);
/* Seals it, now, and tells the VM. lab_trace_close is the caller's. */
void lab_vm_trace_end(lab_vm *vm);
/* Names for lab_trace_tables. Slow; not on the control thread. */
size_t lab_vm_trace_name(uint32_t stack, lab_trace_frame *out);
/* Where the VM's thread is, if it sits in C code: ask, and a few milliseconds
 * later have the function's name. */
void lab_vm_ask_where(lab_vm *vm);
void lab_vm_where(lab_vm *vm, char *out, size_t size);

/* The services that the VM was given. */
const lab_vm_services *lab_vm_services_of(const lab_vm *vm);

/* Does what the VM wants of the services, and calls `answered` of all exchanges
 * that have their answer. Call it on the control thread after `wake`. */
void lab_vm_collect(lab_vm *vm);

/* ---- what the VM is doing: any thread, and it never waits for Lua --------
 */

typedef struct lab_vm_state {
  int step;
  char slug[64];
  uint64_t since; /* when the step was entered, ns since 1970 */
  lab_buf title;  /* may be empty */
  lab_buf params; /* a JSON object: what self.params holds */
  bool entering;  /* a step is read or entered, of which: */
  int entering_step;
  char entering_slug[64];
  uint64_t entering_since; /* ns since 1970 */
  lab_buf entering_where;  /* what it does; then, from a second on, its stack as
                              Lua writes it. May be empty */
  size_t memory_limit;     /* bytes that the step may have */
  unsigned fd_limit;       /* descriptors likewise; 0 = the process's limit */
  unsigned fds;            /* that scenarios have */
  size_t queued;           /* requests that the VM has not looked at yet */
  size_t tasks;            /* all; those that ... */
  size_t running, runnable, waiting[LAB_WAIT_KINDS];
  lab_workers_load workers;
} lab_vm_state;

/* Fills in OUT, for lab_vm_state_free. */
void lab_vm_read(lab_vm *vm, lab_vm_state *out);
void lab_vm_state_free(lab_vm_state *state);

/* ---- the list of steps: any thread; reads files, so it takes its time ------
 */

typedef struct lab_catalog_question {
  const char *const *dirs; /* with scenarios, in order of preference */
  size_t ndirs;
  int step;  /* the present one, -1 if there is none */
  int hint;  /* 0: the list; N: that hint for the present step */
  bool json; /* else text */
} lab_catalog_question;

/* Appends the answer to OUT, and returns its status for HTTP: 200, 404 (there
 * is no such hint), 500. */
int lab_catalog_answer(const lab_catalog_question *q, lab_buf *out);
/* Likewise, of the VM's folders; fills in Q's. */
int lab_vm_catalog(const lab_vm *vm, lab_catalog_question *q, lab_buf *out);

int lab_vm_step(lab_vm *vm);
lab_sched *lab_vm_sched(lab_vm *vm);

#endif
