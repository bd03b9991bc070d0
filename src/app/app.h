/* SPDX-License-Identifier: MIT
 * The state of a running lab, which all files of this folder share. lab.c makes
 * it and implements the public interface; each other file has a header of its
 * own. The files, in the order in which they may call each other:
 *
 *   paths, listen, pool   files of the program, addresses, libuv's pool
 *   signal_file           files that USR2 and RTMIN ask for
 *   profile, past         USR2: CPU profiles; RTMIN: a trace of the past
 *   crash, stacks         cores; USR1 and ABRT: the stacks of tasks
 *   page                  the page at /lab/, if there is one
 *   stop                  the end of a lab
 *   watched               threads of the embedding program, for profiles
 *   signals               tells the files above of a signal
 *   every_second          what is done once a second
 *   lab                   a lab from beginning to end
 *   options, main         the command line, and the program
 *
 * One call goes up: crash -> signals (lab_app_note_signal).
 *
 * Some functions of libuv are declared to return an error, but never do: those
 * that init, start and stop timers and check handles, and uv_async_send, as
 * long as they are given a callback. So nobody looks at what these return.
 *
 * Threads: the control thread, unless a header says otherwise. */
#ifndef LAB_APP_APP_H
#define LAB_APP_APP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "app/crash.h"
#include "app/listen.h"
#include "app/signals.h"
#include "app/stacks.h"
#include "base/err.h"
#include "base/queue.h"
#include "diaglab/diaglab.h"
#include "inspect/flight.h"
#include "loop/work.h"
#include "script/script.h"
#include "services/services.h"
#include "web/web.h"

struct lab_app {
  lab_config config;
  const char **hosts; /* config's, then own_host */
  size_t nhosts;
  char own_host[LAB_LISTEN_NAME];
  int port;
  uv_loop_t loop;
  uv_async_t answers; /* the VM has answers */
  uv_async_t stop;    /* lab_stop was called */
  uv_check_t round;   /* once per turn of the loop: wakes the VM */
  uv_async_t signal;  /* a signal came: signals.c */
  struct sigaction before[LAB_APP_SIGNALS];
  struct sigaction before_crashes[LAB_APP_FATAL];
  bool watching;               /* `before` and `before_crashes` are set */
  lab_work first_work, naming; /* pool.c */
  lab_list profiles;           /* that USR2 asked for: profile.c */
  lab_app_dump dump;
  uv_timer_t second; /* every_second.c */
  lab_work scavenge;
  bool scavenging, started;
  lab_flight_trimmer flight_trimmer;
  uv_timer_t deadline; /* of the shutdown */
  uint64_t stop_began; /* mono ns */
  lab_services_config services_config;
  lab_services services; /* that the VM uses */
  lab_vm *vm;
  lab_web *web;
  struct lab_page *page; /* NULL: page.c has none */
  bool stopping;
  char failure[sizeof(lab_err)]; /* why it can't start; "": it can */
};

#endif
