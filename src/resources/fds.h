/* SPDX-License-Identifier: MIT
 * The descriptors that scenarios have: how many they may have, and which stack
 * opened which (the profile lab.OpenFiles).
 *
 * There are two limits, and at both a scenario gets EMFILE, as from the kernel.
 * The step's own (limits.fds) is a count. The process's is RLIMIT_NOFILE, of
 * which the lab keeps a part for itself, for connections, profiles and /goto.
 *
 * To open one for a scenario: lab_fd_take; open; lab_fd_opened, with the
 * descriptor or the negative errno. Before it is closed: lab_fd_closing.
 *
 * Threads: any, but lab_fd_opened: the VM's. */
#ifndef LAB_RESOURCES_FDS_H
#define LAB_RESOURCES_FDS_H

#include <lua.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct lab_vm lab_vm;

typedef struct lab_fds {
  pthread_mutex_t lock; /* files are closed by workers, clients of a server
                           come and go on the control thread */
  unsigned count;       /* that scenarios have */
  unsigned limit;       /* of the step; 0: only the process's */
} lab_fds;

void lab_fds_init(lab_vm *vm);
void lab_fds_free(lab_vm *vm);

/* False: the step may have no more, and the caller returns -EMFILE. */
bool lab_fd_take(lab_vm *vm);
/* The same for a client, which can't be told to come again once it was
 * accepted: false also if the process may have no more. */
bool lab_fd_take_for_client(lab_vm *vm);
/* FD was opened: enters it for lab.OpenFiles under L's stack, and returns it.
 * Where FD is a negative errno, or the process needs that one itself, it is
 * closed, given back, and a negative errno is returned. */
int lab_fd_opened(lua_State *L, int fd);
/* Before FD is closed. */
void lab_fd_closing(lab_vm *vm, int fd);

/* LIMIT: how many the step may have (0: no limit of its own). FDS: how many
 * scenarios have now. */
void lab_fd_set_limit(lab_vm *vm, unsigned limit);
void lab_fd_read(lab_vm *vm, unsigned *fds, unsigned *limit);

/* The part of lab_fd_opened and closing that doesn't count. Enter: enters FD in
 * lab.OpenFiles and returns 0; or -EMFILE if the process needs it itself.
 * Leave: takes it out of lab.OpenFiles. */
int lab_fd_enter(int fd, uint32_t stack, uint32_t label);
void lab_fd_leave(int fd);

/* How many descriptors one server, request or child has. Zeroed at first. The
 * first one may be taken by lab_fd_take; then COUNT is 1. */
typedef struct lab_fd_account {
  unsigned count;
  bool closed; /* it gets no more */
} lab_fd_account;

/* For descriptors that come from outside, such as a server's clients. Take:
 * called before one is accepted; 0, or -EMFILE while there may be no more, or
 * -ECANCELED when it is closed.
 * Give: FD is about to be closed; -1: none was accepted. Close: none of them
 * counts any more. */
int lab_fd_account_take(lab_vm *vm, lab_fd_account *a);
void lab_fd_account_give(lab_vm *vm, lab_fd_account *a, int fd);
void lab_fd_account_close(lab_vm *vm, lab_fd_account *a);

#endif
