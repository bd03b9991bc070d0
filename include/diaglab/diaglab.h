/* SPDX-License-Identifier: MIT
 * diaglab inside another program: a lab with its own HTTP server, VM, and
 * profilers, on the thread that calls lab_run.
 *
 *   lab_config config;
 *   lab_app *app;
 *   char error[256];
 *
 *   lab_init();                      // first of all: the heap
 *   lab_config_init(&config);
 *   config.listen = "127.0.0.1:0";
 *   if (lab_new(&app, &config, error, sizeof error))
 *     fprintf(stderr, "%s\n", error);
 *   else {
 *     printf("on port %d\n", lab_port(app));
 *     lab_run(app);                  // until lab_stop
 *     lab_free(app);
 *   }
 *
 * A process can have one lab at a time, because signals (SIGPROF, SIGURG),
 * libuv's allocator and the heap's counters exist once. The profilers see the
 * threads of the lab, and those that call lab_watch_thread. Functions that can
 * fail return 0 or a negative errno. docs/embedding.md has a whole program, and
 * says how to link it.
 *
 * Threads: all functions on one thread, except lab_stop and those for threads.
 * Never in a signal handler. */
#ifndef DIAGLAB_H
#define DIAGLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lab_app lab_app;
struct lab_primitive; /* diaglab/primitive.h */

#define LAB_FLIGHT_NS INT64_C(5000000000) /* default of flight_ns */
enum { LAB_FLIGHT_BYTES = 2 << 20 };      /* default of flight_bytes */

/* Strings and lists belong to the caller and must live until lab_free. */
typedef struct lab_config {
  const char *listen; /* HOST:PORT, [::1]:PORT, :PORT; port 0: a free one */
  const char *const *hosts; /* further names allowed in Host */
  size_t nhosts;
  bool check_host;            /* of requests from the network, too */
  const char *const *origins; /* of web pages that may read profiles and
                                 numbers, "https://viewer.example" or "*" */
  size_t norigins;
  const char *const *scenarios; /* folders; none: those of the program */
  size_t nscenarios;
  const char *const *primitives; /* shared objects with functions for scenarios:
                                    diaglab/primitive.h */
  size_t nprimitives;
  const struct lab_primitive *const *own_primitives; /* the program's own */
  size_t nown_primitives;
  const char *const *params; /* "N.key=value" */
  size_t nparams;
  int step;             /* the first one; -1: 0, and it may fail */
  const char *log_file; /* NULL: standard error */
  int hint_pause;    /* least seconds from one hint to the next; -1: no hints */
  const char *state; /* folder where the progress of a student is kept; NULL:
                        it is not kept */
  const char *repair; /* folder with a student's own programs, which the page
                         has checked by this very program (diaglab repair
                         --check); NULL: it checks none */
  int64_t
      memprofile_rate; /* bytes between samples; 1: all, 0: none, -1: Go's */
  int64_t blockprofile_rate;     /* ns; 1: all waits, 0: none */
  int64_t mutexprofile_fraction; /* one wait of so many; 1: all, 0: none */
  int scavenge;                  /* seconds; 0: at once, negative: never */
  uint64_t trace_events;         /* most events of a trace; 0: 2 million */
  int64_t flight_ns;       /* what the flight recorder keeps; 0: it is off */
  uint64_t flight_bytes;   /* memory that it may take */
  unsigned workers;        /* threads for long work; 0: one per processor
                              that it may use, at least 2 */
  const char *const *argv; /* what /debug/pprof/cmdline shows */
  size_t argc;
  bool signals;     /* the lab answers TERM, INT, HUP, QUIT, XCPU, USR1, USR2,
                       RTMIN, ABRT */
  int usr2_seconds; /* of a CPU profile that USR2 asks for */
} lab_config;

/* Call it once per process, on the main thread, before there are others and
 * before all other functions here: it makes the counted heap, gives it to
 * libuv, and prepares the profilers.
 *
 * On this thread SIGPROF, SIGURG and the signals of a crash aren't blocked any
 * more, and SIGCHLD isn't ignored: it must not be later, nor may the program
 * collect children that it hasn't started, as waitpid(-1, ...) does. Of
 * UV_THREADPOOL_SIZE in the environment the lab needs at least 4.
 *
 * To list the steps, a lab starts this program again for each scenario, with
 * DIAGLAB_READS in the environment. Such a process reads the scenario in
 * lab_init, which doesn't return there. So a program that does what must not be
 * done twice does it after lab_init. */
int lab_init(void);

/* The defaults: localhost:6060, step 0, 300 s, nothing else. */
void lab_config_init(lab_config *config);

/* The steps that a lab with the scenarios of CONFIG has, and what is wrong in
 * each, as a text that the caller gives to lab_steps_text_free. *BROKEN is how
 * many of them can't be selected. The rest of CONFIG doesn't matter. NULL:
 * ERROR says why, in at most SIZE bytes. */
char *lab_steps_text(const lab_config *config, size_t *broken, char *error,
                     size_t size);
void lab_steps_text_free(char *list);

/* Starts a lab. When this returns 0, the lab is in its first step and listens;
 * else ERROR has a sentence (at most SIZE bytes). CONFIG itself is copied. If a
 * lab that can't start has a scenario that can't be interrupted, the process
 * prints the sentence and exits with 1. */
int lab_new(lab_app **out, const lab_config *config, char *error, size_t size);

/* The port it listens on. */
int lab_port(const lab_app *app);

/* Serves until lab_stop is called, or a signal comes and the config allows it.
 * The end takes two seconds at most. If a scenario is then still in C code that
 * can't be interrupted, the process exits with 0. */
void lab_run(lab_app *app);

/* Any thread; not a signal handler. */
void lab_stop(lab_app *app);

/* After lab_run has returned. */
void lab_free(lab_app *app);

/* The calling thread is in CPU profiles from now on, also in those that are
 * under way, with the functions that it runs. NAME is at most 15 bytes. Until
 * unwatch, or the thread's end, it gets SIGPROF while a profile is taken: watch
 * unblocks this signal, and the thread's calls of nanosleep, poll and select
 * may end early with EINTR. Any thread but those of the lab and the one that
 * calls lab_new, where nothing happens; after lab_init, also while there is no
 * lab. lab_new unwatches the thread that calls it. */
void lab_watch_thread(const char *name);
void lab_unwatch_thread(void);

#endif
