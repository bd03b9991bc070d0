/* SPDX-License-Identifier: MIT
 * What a step has outside Lua, and how it is taken back: files, sockets,
 * temporary folders, processes, timers. See owned.h for the list, fds.h for the
 * descriptors, temp.h for folders, errand.h for what the control thread does
 * for scenarios, watch.h for tasks that wait for sockets. Order of the files:
 * headers, owned < fds < temp < errand < watch < resources.
 *
 * Threads: the VM's, unless a header says otherwise. */
#ifndef LAB_RESOURCES_RESOURCES_H
#define LAB_RESOURCES_RESOURCES_H

#include "resources/errand.h"
#include "resources/fds.h"
#include "resources/owned.h"
#include "resources/temp.h"

typedef struct lab_resources {
  /* Private: each belongs to the file of its name. */
  lab_owned_list owned;
  lab_fds fds;
  lab_temps temps;
  lab_errands errands;
  struct lab_poller *poller; /* watch.c; NULL: no task waits for a socket */
} lab_resources;

/* Makes vm->resources. SERVICES (or NULL: there are none) must stay. Before the
 * VM's thread runs. */
void lab_resources_new(lab_vm *vm, const lab_services *services);
/* Gives back what all steps have. After the last task; VM's thread. */
void lab_resources_reclaim_all(lab_vm *vm);
/* The process exits although the VM can't be freed: removes what scenarios have
 * on disk. Control thread. */
void lab_resources_abandon(lab_vm *vm);
/* Frees all errands that are left, and vm->resources. Control thread, after the
 * VM's thread has ended. */
void lab_resources_free(lab_vm *vm);

#endif
