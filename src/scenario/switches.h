/* SPDX-License-Identifier: MIT
 * Switches of steps, one at a time: /goto.
 *
 * The order of a switch is written in Lua (switchToStep in lua/main.lua): it
 * parks, calls the scenario's own functions, and may be cancelled, as any task.
 * Here are the queue of switches, and what the control thread does with one
 * that takes too long. */
#ifndef LAB_SCENARIO_SWITCHES_H
#define LAB_SCENARIO_SWITCHES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "vm/inbox.h"

struct lab_lua_task;

typedef enum lab_switch_phase {
  LAB_SWITCH_QUEUED,
  LAB_SWITCH_WITHDRAWN,
  LAB_SWITCH_SOUGHT,   /* it waits, and isn't known to have a step yet */
  LAB_SWITCH_BEGUN,    /* scenario.lua is sought, and run */
  LAB_SWITCH_LEAVING,  /* the step that was served gives back what it took */
  LAB_SWITCH_ENTERING, /* the step before is left; `enter` runs */
  LAB_SWITCH_ENDED,    /* its answer is on the way */
} lab_switch_phase;

/* The caller fills in the first part, with call.answered and call.user, keeps
 * `query` until `answered` was called, and then owns the second part.
 * Answers: 200 "switched to step N", 400 for an unknown step or parameter, 500
 * when the scenario is broken (then step 0 is active), 503 if it was pushed
 * aside by a later switch; 0: it was withdrawn.
 * A switch is pushed aside if it takes long while the client of a later one
 * waits, or if it has not begun, nobody seems to want it, and a later one
 * waits. So a crowd of clients that ask and go away delays nobody who waits,
 * and pushes nobody aside. Nor does a switch to a step that isn't there: that
 * is looked up when it comes to others, and answered at once. */
typedef struct lab_switch {
  lab_call call;
  int step;          /* where to */
  const char *query; /* raw parameters; "step" is left out */
  size_t query_len;

  int status;
  lab_buf reply; /* text */

  /* Private. */
  atomic_int phase;     /* lab_switch_phase */
  atomic_bool unwanted; /* its client has gone, or seems to */
  atomic_bool hurried;  /* its client has waited, and is there */
  /* When the VM was told since it has last taken notice: mono ns, ns of its
   * CPU time; and how often it had noticed by then. */
  uint64_t told_at, told_cpu;
  unsigned noticed;
} lab_switch;

typedef struct lab_switches {
  struct lab_lua_task *task; /* of the switch under way, or NULL */
  lab_switch *under_way;     /* what it answers */
  lab_mpsc_node *waiting;    /* oldest first, by call.post.node */
  /* Registry: main.switchToStep, main.tidyUp, main.whyNoStep. */
  int function, tidy, why_no_step;
  uint32_t last_generation; /* the newest visit of a step */
  uint32_t new_generation;  /* of the step that the switch is about to enter,
                               or 0 */
  lab_post hurry;           /* says that an interruption was sent */
  atomic_bool hurry_sent;
  atomic_uint noticed; /* how often that was delivered, or a switch */
  atomic_bool leaving; /* the one under way has left the step that was served,
                          or is about to */
  /* Of: whether a switch has begun or ended, and what is interrupted. So what
   * is sent for the sake of a switch meets neither this switch nor the step
   * that it has entered. */
  pthread_mutex_t lock;
} lab_switches;

/* ---- the control thread -------------------------------------------------- */

void lab_switch_send(lab_vm *vm, lab_switch *x);
/* Its client seems to have gone. Until `answered`, any number of times. */
void lab_switch_set_unwanted(lab_switch *x);
/* The old step has been left: the new one's `enter` runs, or has run. */
bool lab_switch_has_left(const lab_switch *x);
/* The running Lua code gets an error at its next instruction, and so do
 * requests that are ready to run after it. If X has not begun, and somebody
 * seems to want it, so does the switch under way; if X has ended, nothing does.
 * X may be NULL: the lab ends, or no switch is under way.
 * Until a switch has read its scenario.lua the old step is served, and perhaps
 * will be: the new one may not exist, or a parameter be wrong. So until then
 * its code gets no error, unless the VM has taken no notice since X was sent,
 * or since the last such call: that code keeps it. Returns whether an error was
 * sent. */
bool lab_switches_interrupt(lab_vm *vm, lab_switch *x);
/* If the VM has not begun with X, it never will: returns true, and writes what
 * the VM is busy with into WHY. X is still the VM's until `answered`. */
bool lab_switch_withdraw(lab_vm *vm, lab_switch *x, lab_err *why);
/* True if the last interruption has had no effect yet because something else
 * than the switch to X keeps the VM; WHY says what. */
bool lab_switch_is_stuck(lab_vm *vm, const lab_switch *x, lab_err *why);

/* ---- the VM's thread ----------------------------------------------------- */

/* The generation of a new visit of a step, for the switch under way. */
uint32_t lab_switches_new_generation(lab_vm *vm);
/* The step of the last new generation won't be entered. */
void lab_switches_give_up(lab_vm *vm);
/* Notes what the switch under way is doing now, if the running task is that
 * switch. */
void lab_switches_set_phase(lab_vm *vm, lab_switch_phase phase);
/* Answers the switch under way and all that wait, for shutdown. */
void lab_switches_drop_all(lab_vm *vm);

#endif
