/* SPDX-License-Identifier: MIT
 * See spawn.h. */
#include "base/spawn.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "base/process.h"

/* OUT is above 2: lab_init opens 0 to 2 before anything else does. */
static int add_descriptors(posix_spawn_file_actions_t *actions,
                           const lab_spawn_options *o) {
  int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
  if (rc == 0)
    rc = posix_spawn_file_actions_adddup2(actions, o->out >= 0 ? o->out : 0, 1);
  if (rc == 0)
    rc = posix_spawn_file_actions_adddup2(actions, o->err_as_out ? 1 : 0, 2);
  if (rc == 0)
    rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
  return rc;
}

static int add_attributes(posix_spawnattr_t *attributes) {
  sigset_t set;
  sigemptyset(&set);
  int rc = posix_spawnattr_setsigmask(attributes, &set);
  sigfillset(&set);
  if (rc == 0)
    rc = posix_spawnattr_setsigdefault(attributes, &set);
  if (rc == 0)
    rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
                                                  POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF);
  return rc;
}

/* The soft limit of descriptors is the process's, so one at a time. */
static int spawn_with_first_fds(pid_t *pid, const lab_spawn_options *o,
                                posix_spawn_file_actions_t *actions,
                                posix_spawnattr_t *attributes) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  lab_process_lower_fds(true);
  int rc = posix_spawnp(pid, o->file, actions, attributes, o->argv,
                        o->envp ? o->envp : environ);
  lab_process_lower_fds(false);
  pthread_mutex_unlock(&lock);
  return rc;
}

int lab_spawn(pid_t *pid, const lab_spawn_options *o) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int rc = posix_spawn_file_actions_init(&actions);
  if (rc)
    return -rc;
  rc = posix_spawnattr_init(&attributes);
  if (rc) {
    posix_spawn_file_actions_destroy(&actions);
    return -rc;
  }
  rc = add_descriptors(&actions, o);
  if (rc == 0)
    rc = add_attributes(&attributes);
  if (rc == 0)
    rc = spawn_with_first_fds(pid, o, &actions, &attributes);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return -rc;
}
