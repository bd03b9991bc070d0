/* SPDX-License-Identifier: MIT
 * Pipes to the child processes of scenarios: the service behind lab_pipe.
 *
 * Nothing is read ahead. What a child writes stays in the kernel's pipe, 64
 * KiB, until the scenario reads it; a child that writes more has to wait.
 *
 * Threads: the control thread, unless it says otherwise. */
#ifndef LAB_SERVICES_PIPE_H
#define LAB_SERVICES_PIPE_H

#include <stdint.h>

#include "resources/errand.h"

/* Pipes that are being made for a child: what of them is this process's, and
 * what becomes the child's descriptors 0 to 2. 0: there is none. */
typedef struct lab_pipe_ends {
  int ours[3], theirs[3];
} lab_pipe_ends;

/* Makes those that WANTED says, into ENDS, which is zeroed. STACK and LABEL are
 * of the task that wants them. 0 or a negative errno, and there are none. Any
 * thread. */
int lab_pipe_ends_make(lab_pipe_ends *ends, const bool wanted[3],
                       uint32_t stack, uint32_t label);
/* Closes the child's ends: it has them now, or there is no child. Closes ours:
 * nobody wants them any more. Any thread. */
void lab_pipe_ends_close_theirs(lab_pipe_ends *ends);
void lab_pipe_ends_close_ours(lab_pipe_ends *ends);
/* CHILD has our ends from now on. What it is to read is being written. */
void lab_services_give_pipes(lab_child *child, const lab_pipe_ends *ends);

/* Has `ready` posted when PIPE can be read or written, at once if it can't be
 * watched. */
void lab_services_wait_pipe(lab_pipe *pipe);
/* Its descriptor was given back before. Drop: it is given back now. Nothing
 * happens if it is closed already. */
void lab_services_close_pipe(lab_pipe *pipe);
void lab_services_drop_pipe(lab_pipe *pipe);

#endif
