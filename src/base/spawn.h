/* SPDX-License-Identifier: MIT
 * Starting other programs, without copying this process first, so the time
 * doesn't grow with the memory that this process has.
 *
 * A program that is started here begins as from a shell: it leads a session of
 * its own, no signal is blocked, and all signals have their default actions. It
 * has the descriptors 0, 1 and 2 and no others: libraries open some without
 * O_CLOEXEC. Its soft limit of descriptors is the one from before
 * lab_process_raise_fds.
 *
 * Threads: any. Starting takes some milliseconds, in which the calling thread
 * waits; other threads go on. The caller must reap the child. */
#ifndef LAB_BASE_SPAWN_H
#define LAB_BASE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

typedef struct lab_spawn_options {
  const char *file; /* a name without / is looked for in PATH */
  char *const *argv;
  char *const *envp; /* NULL: this process's */
  /* They become descriptors 0, 1 and 2; 0: /dev/null. OUT and ERR may be the
   * same. All are above 2. */
  int in, out, err;
} lab_spawn_options;

/* Starts a program. Returns 0, and *PID; or a negative errno, also that of a
 * program which can't be executed. */
int lab_spawn(pid_t *pid, const lab_spawn_options *options);

typedef struct lab_spawn_self_options {
  char *const *argv;
  int out;          /* becomes its descriptors 1 and 2 */
  const char *temp; /* its folder for temporary files, or NULL */
  const char *port; /* the file that lab_spawn_tell_port writes, or NULL */
} lab_spawn_self_options;

/* Starts this very program. It ends with the calling thread, whatever ends
 * that: so the thread must stay as long as the program is wanted. Else as
 * above. */
int lab_spawn_self(pid_t *pid, const lab_spawn_self_options *options);
/* In a program that was started so: lets it end with its parent. In others
 * nothing. Call it at the start. */
void lab_spawn_follow_parent(void);
/* Afterwards: tells a parent who wants to know it on which port this program
 * listens, as a line. In what it prints, all that runs in it can say so. */
void lab_spawn_tell_port(int port);

/* This process's environment with the N VARIABLES ("NAME=value"), which replace
 * those of the same names: for options.envp. The caller gives the list to
 * lab_xfree; the texts stay whose they are. */
char **lab_spawn_environment(char *const *variables, size_t n);

#endif
