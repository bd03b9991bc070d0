/* SPDX-License-Identifier: MIT
 * The VM's insides, shared by the files of src/script only. Everything here
 * belongs to the VM's thread unless it says otherwise. */
#ifndef LAB_SCRIPT_VM_H
#define LAB_SCRIPT_VM_H

#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>

#include "base/thread.h"
#include "script/script.h"
#include "stack/frame.h"
#include "task/sched.h"
#include "task/worker.h"
#include "trace/trace.h"

/* Results of lab.go that somebody may wait for: the userdata behind a Task. It
 * outlives the task if the script keeps it; it never keeps the task alive. */
typedef struct lab_task_handle {
  struct lab_lua_task *task; /* NULL when it ended */
  bool ok;                   /* ended without an error */
  int nresults;              /* on the coroutine's stack (user value 1) */
  lab_list joiners;          /* tasks parked in join, by lab_task.link */
} lab_task_handle;

/* A task is a coroutine. */
typedef struct lab_lua_task {
  lab_task base;
  lua_State *co;
  int ref;             /* keeps co alive: its place in vm->anchors */
  bool told_by_script; /* cancelled by t:cancel(), not by a switch */
  bool own;            /* does the lab's work: not in heap profiles */
  int nargs;           /* on co's stack, for the next resume */
  uint32_t surveyed;   /* number of the last survey that recorded it */
  uint64_t creator;    /* id of the task that started it, or 0 */
  union {
    lab_exchange *exchange; /* what it answers, or NULL */
    struct lab_lua_task *next_idle;
  };
  lab_job *job;            /* what a worker does for it, or NULL */
  lab_task_handle *handle; /* or NULL */
  void (*ended)(lab_vm *vm, struct lab_lua_task *t, int status, int nresults);
  lab_trace_g trace; /* belongs to tracer.c */
} lab_lua_task;
/* There may be a million; 192 is a size of jemalloc's, the next is 224. */
_Static_assert(sizeof(lab_lua_task) <= 192, "a task is 192 bytes");

static inline lab_lua_task *lab_lua_task_of(const lab_task *base) {
  return LAB_CONTAINER(base, lab_lua_task, base);
}

/* The task at a place of the list of all (lab_task.all). */
static inline lab_lua_task *lab_lua_task_at(const lab_list *place) {
  return lab_lua_task_of(LAB_CONTAINER(place, lab_task, all));
}

/* Something outside Lua that a step has: a file, a socket, a timer, a process.
 * Embedded in its C object; what is left behind is taken back with the step. */
typedef struct lab_owned {
  lab_list link; /* in vm->owned */
  uint32_t generation;
  const char *kind; /* "file", for the log; a plural in s. NULL: no leak */
  void (*reclaim)(struct lab_owned *o); /* see lab_owned_reclaim */
} lab_owned;

/* The scenario that is being served. */
typedef struct lab_step {
  int number;
  char slug[64];
  int table;           /* registry reference: what scenario.lua returned */
  uint32_t generation; /* of the tasks that belong to it */
  uint32_t label;      /* profile label of "/" */
} lab_step;

enum { LAB_ROUTES = 32, LAB_ROUTE_LEN = 64 };

/* A step that is being entered: entering.c. */
typedef struct lab_entering {
  const char *what; /* of it runs, a literal; NULL: there is no such step */
  int step;
  char slug[64];
  uint64_t since; /* real ns */
  unsigned tell;  /* after so many seconds, in the log */
  lab_buf where;  /* what it does, then perhaps its stack */
} lab_entering;

/* What others may know of it. */
typedef struct lab_shown {
  int step;
  char slug[64];
  uint64_t since; /* real ns */
  lab_buf title, params;
  lab_entering entering;
} lab_shown;

struct lab_vm {
  lua_State *L; /* the main state; scripts never run on it */
  lab_sched *sched;
  lab_workers *workers;
  lab_thread *thread;
  lab_lua_task *running;
  lab_lua_task *idle; /* finished requests' tasks, for the next ones */
  unsigned nidle;
  lab_lua_task *spare; /* the same of lab.go; the next GC cycle takes them */
  size_t spare_bytes;

  lab_step step;
  size_t limit;   /* bytes of application memory that the step may have */
  bool own_limit; /* its scenario says so, not the machine */
  char refused_at[LUA_IDSIZE + 16]; /* "file:line: " of the last refusal */
  size_t heap_floor; /* with less of it, nothing is in heap profiles */
  uint32_t last_generation;
  lab_lua_task *switcher;   /* the goto under way, or NULL */
  lab_exchange *switching;  /* what it answers */
  lab_mpsc_node *gotos;     /* waiting ones, oldest first, by post.node */
  lab_list owned;           /* of all steps, by lab_owned.link */
  lab_list requests;        /* that have a task, by lab_exchange.link */
  pthread_mutex_t fds_lock; /* of the next two: fds.c, any thread */
  unsigned fds;             /* descriptors that scenarios have */
  unsigned fd_limit;        /* of the step; 0 = no other than the process's */
  struct lab_temp *temps;   /* folders of the steps' visits, see temp.c */
  char *temp_root;          /* the folder they are in */
  lab_list metrics;         /* of all steps: lib_metric.c */
  int anchors;              /* registry: table of the coroutines of tasks */
  int switch_to;            /* registry: main.switchToStep */
  int handler;              /* registry: main.helloWorldHandler */
  int router;               /* registry: main.routeHandler */
  int request_meta;         /* registry: metatable of request tables */
  uint64_t last_request;    /* number of the last request */
  struct survey *survey;    /* under way, or NULL: survey.c */
  uint32_t last_survey;     /* its number */
  struct leaks *leaks;      /* being looked for, or NULL: leaks.c */

  /* Shared with the control thread. */
  const lab_vm_services *services;
  lab_mpsc orders;
  lab_list errands; /* the control thread's: all that were started, by link */
  lab_mpsc answers;
  unsigned unsent; /* answers pushed since the last wake */
  atomic_int step_number;
  atomic_size_t memory_limit;
  atomic_size_t posted, delivered; /* requests; each has one writer */
  pthread_mutex_t shown_lock;
  lab_shown shown;
  char routes[LAB_ROUTES][LAB_ROUTE_LEN];
  size_t nroutes;
  /* lab_vm_interrupt was called: [false] is for tasks, [true] for the task
   * that switches steps. */
  atomic_bool interrupt[2];
  atomic_bool in_switch; /* that task was the last to be resumed */
  atomic_bool stopping, stopped;

  lab_post look; /* lab_vm_tick's letter */
  atomic_bool looking;
  lab_post hurry;                /* lab_vm_interrupt's letter */
  uint64_t cpu_when_interrupted; /* ns of the VM's thread */
  atomic_bool hurry_sent;

  char **scenario_dirs; /* NULL at the end */
  char **params;        /* likewise */
  char *lua_dir;
  void (*wake)(void *);
  void *wake_arg;
};

enum lab_exchange_phase {
  LAB_EXCHANGE_QUEUED,
  LAB_EXCHANGE_BEGUN,
  LAB_EXCHANGE_WITHDRAWN,
  LAB_EXCHANGE_READING,  /* begun: scenario.lua is run */
  LAB_EXCHANGE_ENTERING, /* the step before is left; `enter` runs */
};

/* The VM of a state (any coroutine of it). */
lab_vm *lab_vm_of(lua_State *L);
/* Whether what runs now was interrupted. Async-signal-safe, on this thread. */
static inline const atomic_bool *lab_vm_interruption(const lab_vm *vm) {
  return &vm->interrupt[vm->switcher && vm->running == vm->switcher];
}

/* ---- task.c -------------------------------------------------------------- */

/* A new task of generation GENERATION that will call the function and NARGS
 * arguments on top of FROM's stack (popped). ENDED is called when it ended,
 * with the results (or the error message with its traceback) on t->co. */
lab_lua_task *
lab_lua_task_spawn(lab_vm *vm, lua_State *from, int nargs, uint32_t generation,
                   void (*ended)(lab_vm *, lab_lua_task *, int, int));
/* For requests: a task whose coroutine is taken from the idle ones if there is
 * one, not yet known to the scheduler. May raise. The caller pushes function
 * and arguments on its co and calls lab_task_init, or gives it back. */
lab_lua_task *lab_lua_task_take(lua_State *L);
void lab_lua_task_give_back(lab_vm *vm, lab_lua_task *t);
/* Lets go of the coroutines that ended well and that nobody used again. Raises
 * nothing and allocates nothing. */
void lab_lua_task_drop_spare(lab_vm *vm);
/* The same, and gives back what the table of coroutines took for all that
 * ended. */
void lab_lua_task_compact(lua_State *L);
/* The scheduler's resume. */
void lab_lua_task_resume(lab_task *task, void *vm);
/* It gets an error at its next chance: at the yield where it is parked, or at
 * its next instruction; a worker's job is told to stop. */
void lab_lua_task_cancel(lab_vm *vm, lab_lua_task *t);
/* The tasks of GENERATION that were not told before, MOST of them at most:
 * requests only, or all others only. Returns how many were told. */
unsigned lab_lua_task_cancel_all(lab_vm *vm, uint32_t generation, bool requests,
                                 unsigned most);
/* Requests of GENERATION that have not ended. */
unsigned lab_lua_task_requests(lab_vm *vm, uint32_t generation);
/* Requests that stand ready to run, of whatever step. */
void lab_lua_task_cancel_ready(lab_vm *vm);
/* Tells the jobs of all tasks to stop. */
void lab_lua_task_cancel_jobs(lab_vm *vm);
/* Ends every task at once, without running it again; for shutdown. */
void lab_lua_task_drop_all(lab_vm *vm);

/* "WHAT 7 failed: message with traceback", in the log: of equal ones the first
 * few and a count. T has just ended by an error. */
void lab_lua_log_failure(const char *what, const lab_lua_task *t);

/* Raises the error that ends the running task, which was cancelled. */
int lab_lua_raise_cancelled(lua_State *L);
/* Raises the error of a cancelled task, if the running one is. Whoever parks a
 * task yields with lua_yieldk, and calls this first in the continuation. */
void lab_lua_check_cancelled(lua_State *L);

/* A worker's job for a task. It lives in a userdata on the task's stack, which
 * is there for as long as the task is parked. */
typedef struct lab_lua_job {
  lab_job base; /* the caller sets run */
  lab_vm *vm;
  lab_lua_task *task;
} lab_lua_job;

/* Hands JOB to a worker and parks the running task; or runs it here when the
 * task can't be parked at this point (inside a sort comparator, say). K is
 * called in both cases. */
int lab_lua_run_job(lua_State *L, lab_lua_job *job, lua_KContext ctx,
                    lua_KFunction k);

/* The running task if it can be parked at this point, else raises "can't WHAT
 * here: ...". */
lab_lua_task *lab_lua_check_parkable(lua_State *L, const char *what);
/* Argument ARG, seconds (a number, not negative; 30 years at most), in ns. */
uint64_t lab_lua_check_seconds(lua_State *L, int arg);

/* ---- owned.c ------------------------------------------------------------- */

/* O belongs to the running task's step from now on; KIND is a literal, or NULL
 * for what a step can't give back itself: nothing is said about that. */
void lab_owned_add(lab_vm *vm, lab_owned *o, const char *kind,
                   void (*reclaim)(lab_owned *o));
/* It was closed, or collected. Nothing happens if it was removed already. */
void lab_owned_remove(lab_owned *o);
/* Takes back what GENERATION has and says so in the log, as STEP's (0: all
 * generations', silently, for shutdown): each is removed, then its reclaim is
 * called, which gives the resource back at once; the Lua object behind it
 * stays, closed. Its tasks must have ended. Returns how many there were. */
unsigned lab_owned_reclaim(lab_vm *vm, uint32_t generation, int step);

/* ---- fds.c: descriptors -------------------------------------------------- */

/* Whoever opens a descriptor for a scenario takes one first (false: no more,
 * tell -EMFILE), and then says what came of it: opened enters FD for
 * lab.OpenFiles under L's stack and returns it; or, where it is an error or the
 * process needs it itself, returns a negative errno and takes the count back.
 * Return: it was never opened. Closing: before FD is closed. All but opened:
 * any thread. */
bool lab_fd_take(lab_vm *vm);
int lab_fd_opened(lua_State *L, int fd);
void lab_fd_return(lab_vm *vm);
void lab_fd_closing(lab_vm *vm, int fd);

/* What the step may have (0: no limit of its own); what scenarios have now. */
void lab_fd_set_limit(lab_vm *vm, unsigned limit);
void lab_fd_read(lab_vm *vm, unsigned *fds, unsigned *limit);

/* The part of opened and closing that doesn't count: enters FD in lab.OpenFiles
 * (0), or says -EMFILE; takes it out. */
int lab_fd_enter(int fd, uint32_t stack, uint32_t label);
void lab_fd_leave(int fd);
/* E ends: what it has is not counted any more, and it gets no more. */
void lab_fd_end_errand(lab_errand *e);

/* ---- errand.c: what the control thread does for us ------------------------
 */

/* O is run by the control thread; it lies in the orderer's memory. */
void lab_vm_order(lab_vm *vm, lab_order *o, void (*run)(lab_order *));
/* The control thread's side of it. Free: after the VM's end. */
void lab_vm_run_orders(lab_vm *vm);
void lab_vm_free_errands(lab_vm *vm);
/* Raises where there is no task, or nobody to do errands. */
const lab_vm_services *lab_lua_check_services(lua_State *L);

/* E (zeroed, but start, stop, told and freed) belongs to the running task and
 * the function that L is in. Told is called on this thread, and never after
 * end, which must be called once; freed some time after that, on the control
 * thread. */
void lab_errand_begin(lua_State *L, lab_errand *e);
void lab_errand_end(lab_errand *e);

/* ---- temp.c: folders for temporary files --------------------------------- */

typedef struct lab_temp lab_temp;

/* The folder of the running task's step, which stays until unuse. Make is for a
 * worker: it makes the folder if nobody did yet; 0 or negative errno. */
lab_temp *lab_temp_use(lab_vm *vm);
void lab_temp_unuse(lab_temp *temp);
int lab_temp_make(lab_temp *temp);
const char *lab_temp_path(const lab_temp *temp);
/* The process's folder: a path to be freed; not made yet. */
char *lab_temp_root(void);

/* ---- survey.c ------------------------------------------------------------ */

/* Enters the goroutine profile into the table of profiles. */
void lab_survey_register(void);

/* ---- picture.c: what profiles of tasks have in common -------------------- */

/* Whose tasks they show: VM, or nobody's (NULL). Control thread. */
void lab_picture_of(lab_vm *vm);
lab_vm *lab_picture_vm(void);

/* A question for a picture of tasks, and the way back. The first member of the
 * asker's own object, lab_xcalloc's, which goes when it is answered. */
typedef struct lab_picture {
  lab_exchange x;
  lab_profile_request *request;
  struct lab_goroutines *tasks; /* the answer, or NULL */
} lab_picture;

/* Has DELIVER called on the VM's thread, which gives the answer by
 * lab_vm_answer. Control thread. */
void lab_picture_ask(lab_picture *p, lab_vm *vm, lab_profile_request *r,
                     void (*deliver)(lab_post *post));
/* Nobody waits for it any more: it must be answered. */
bool lab_picture_ends(const lab_picture *p);
/* Adds T, which isn't running; it shows the moment NOW (mono ns). */
void lab_picture_add(lab_picture *p, lab_lua_task *t, uint64_t now);
/* For the lab_profile_kind of such pictures. */
void lab_picture_free(void *tasks);
int lab_picture_write(const void *now, const void *before, lab_buf *out);
void lab_picture_write_text(const void *tasks, int debug, lab_buf *out);
extern const lab_profile_stream lab_picture_dump;

/* ---- leaks.c ------------------------------------------------------------- */

/* As lab_survey_register, for the goroutineleak profile. */
void lab_leaks_register(void);

/* ---- walk.c: Lua's stack ------------------------------------------------- */

/* The innermost running coroutine, and who resumed it. */
typedef struct lab_resumed {
  lua_State *L;
  struct lab_resumed *outer;
} lab_resumed;
extern __thread lab_resumed *lab_resumed_top;

/* The frames of CHAIN, innermost first, at most 64; SKIP levels of the first
 * coroutine are left out. Same rules as lab_walk. */
size_t lab_walk_chain(const lab_resumed *chain, int skip, lab_frame *out);
/* A coroutine was left (it yielded, returned or failed): settles what the
 * sampler has pending for it. */
void lab_sampler_left(const lab_resumed *left);

/* The stack id of L and the coroutines that resumed it. SKIP levels of L are
 * left out. Not in a signal handler, not inside the allocator. */
uint32_t lab_walk(lua_State *L, int skip);
/* The same, but it ends with the innermost function in Lua: who called a
 * primitive, and at which line. */
uint32_t lab_walk_caller(lua_State *L);
/* known.c: stacks that were met lately, by addresses: those of a frame's code
 * and of its instruction, or a C function's and NULL. */
enum { LAB_KNOWN_DEPTH = 16 };
typedef struct lab_address {
  const void *code, *at;
} lab_address;
typedef struct lab_addresses {
  size_t n;
  lab_address frames[LAB_KNOWN_DEPTH];
} lab_addresses;

/* The addresses of the stack that lab_walk takes of CHAIN, or (CALLER_ONLY)
 * lab_walk_caller. False if it is too deep to be remembered. */
bool lab_known_addresses(const lab_resumed *chain, int skip, bool caller_only,
                         lab_addresses *out);
/* The stack that was added for them, or 0. */
uint32_t lab_known_find(const lab_addresses *a);
void lab_known_add(const lab_addresses *a, uint32_t stack);
/* The collector frees functions: before and after it works. */
void lab_known_forget(void);

/* Registers all C functions of a table ("lab.copy_n"); HIDDEN: see
 * stack/frame.h. */
void lab_walk_register(lua_State *L, const char *prefix, bool hidden);
/* In the allocator: Lua is making room for its stack, which may be half changed
 * and can't be walked. */
bool lab_walk_is_unsafe(void);
/* The heap profiler's question (prof/heap.h). */
uint32_t lab_walk_allocation(uint32_t *label);

/* ---- sampler.c ----------------------------------------------------------- */

/* The calling thread runs VM from now on (or none, NULL): the profiler's
 * part, the time slices. */
int lab_sampler_attach(lab_vm *vm);
void lab_sampler_detach(void);
/* Around a long primitive on the VM's thread: Lua's stack can't change, so
 * samples may carry it at once. */
void lab_sampler_freeze(lua_State *L);
void lab_sampler_thaw(void);
/* Has the hook run at L's next instruction. L is not running, or this is its
 * thread. */
void lab_sampler_arm(lua_State *L);
/* The C function in which the VM's thread was when it was last interrupted, for
 * an error message. Any thread. */
void lab_sampler_where(char *out, size_t size);
/* The next SIGURG shall note it anew. Any thread. */
void lab_sampler_ask_where(void);
/* A task is about to be resumed: samples get its LABEL, its slice begins. */
void lab_sampler_resume(uint32_t label);
/* The running task's label is another one from now on. */
void lab_sampler_label(uint32_t label);

/* ---- gc.c ---------------------------------------------------------------- */

void lab_gc_attach(lua_State *L);
void lab_gc_detach(void);
/* Memory outside Lua that a Lua object keeps changed by DELTA bytes: it counts
 * towards when the collector runs. May run a step of it. */
void lab_gc_external(lua_State *L, int64_t delta);
/* The collector is at work: Lua code that runs, and C code that Lua called, is
 * a finalizer's. Also in a signal handler. */
bool lab_gc_running(void);
/* A full collection, counted as forced. */
void lab_gc_full(lua_State *L);
/* While it is held nothing is collected, unless memory ends. */
void lab_gc_hold(bool held);

/* ---- tracer.c ------------------------------------------------------------ */

void lab_tracer_attach(lab_vm *vm);
/* Ends the recording that is under way. No letter may be on its way any more.
 */
void lab_tracer_detach(lab_vm *vm);

/* ---- libraries ----------------------------------------------------------- */

/* Each adds its functions to the table `lab` on top of the stack. */
void lab_lib_base(lua_State *L);
void lab_lib_buffer(lua_State *L);
void lab_lib_cpu(lua_State *L);
void lab_lib_file(lua_State *L);
void lab_lib_http(lua_State *L);
void lab_lib_label(lua_State *L);
void lab_lib_process(lua_State *L);
void lab_lib_server(lua_State *L);
void lab_lib_metric(lua_State *L);
void lab_lib_task(lua_State *L);
void lab_lib_sync(lua_State *L);
void lab_lib_channel(lua_State *L);
void lab_lib_timer(lua_State *L);
/* host.scan, read, realpath; they need no VM. */
extern const luaL_Reg lab_host_files[];
/* host.opener(folder) -> lab.open for scenarios in that folder. */
int lab_file_opener(lua_State *L);
/* nil, "WHAT PATH: reason" in Go's words, errno: what a library function
 * returns where the environment failed. PATH may be NULL. */
int lab_lua_failure(lua_State *L, const char *what, const char *path, int code);
/* Makes the metatable NAME; METHODS and METAMETHODS may be NULL. Scripts can't
 * get at it. */
void lab_lua_new_class(lua_State *L, const char *name, const luaL_Reg *methods,
                       const luaL_Reg *metamethods);

/* ---- host.c, steps.c, state.c, request.c, vm.c --------------------------- */

/* Pushes the table `host`. */
void lab_host_open(lua_State *L);
/* Runs the embedded Lua files, with `lab` on top of the stack, and keeps what
 * they give in vm's registry references. Raises on an error. */
void lab_steps_open(lua_State *L);
/* Queues a goto, and begins the first waiting one when none is under way. */
void lab_steps_goto(lab_vm *vm, lab_exchange *x);
/* Answers the switch under way and all that wait, for shutdown. */
void lab_steps_drop_all(lab_vm *vm);
/* A switch waits behind one that takes too long: cancels that. */
void lab_steps_hurry(lab_vm *vm);

/* The step is vm->step from now on, for everybody: shows its table at SCENARIO
 * (state.c). */
void lab_vm_show_step(lab_vm *vm, lua_State *L, int scenario);

enum { LAB_REQUEST_NAME = LAB_ROUTE_LEN + 16 };
/* What traces call a request: "GET /". */
void lab_request_name(const lab_exchange *x, char out[LAB_REQUEST_NAME]);
/* Delivered: starts the task for a request. */
void lab_request_deliver(lab_post *post);

/* Gives X's answer to the control thread. */
void lab_vm_answer(lab_vm *vm, lab_exchange *x);
/* Makes X's answer a plain text. */
void lab_exchange_text(lab_exchange *x, int status, const char *text,
                       size_t len);

#endif
