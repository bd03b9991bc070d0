/* SPDX-License-Identifier: MIT
 * The descriptors that scenarios have: how many they may, and who opened which.
 *
 * Two bounds, and both answer as the kernel would, with EMFILE. The step's own
 * (limits.fds) is a count. The process's is RLIMIT_NOFILE, of which the lab
 * keeps a part for itself: the kernel always gives the lowest free number, so a
 * descriptor with a number close to the limit tells that nearly all are taken;
 * it is given back at once. Connections, profiles and /goto live on those. */
#include "script/vm.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "prof/files.h"

enum { RESERVE_MAX = 64 };

bool lab_fd_take(lab_vm *vm) {
  if (vm->fd_limit > 0 && vm->fds >= vm->fd_limit)
    return false;
  vm->fds++;
  return true;
}

void lab_fd_return(lab_vm *vm) {
  vm->fds--;
}

/* Numbers from here on are the lab's. */
static rlim_t first_reserved(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
    return RLIM_INFINITY;
  rlim_t quarter = limit.rlim_cur / 4;
  return limit.rlim_cur - (quarter < RESERVE_MAX ? quarter : RESERVE_MAX);
}

int lab_fd_enter(int fd, uint32_t stack, uint32_t label) {
  if ((rlim_t)fd >= first_reserved())
    return -EMFILE;
  lab_files_opened(fd, stack, label);
  return 0;
}

void lab_fd_leave(int fd) {
  lab_files_closed(fd);
}

int lab_fd_opened(lua_State *L, int fd) {
  lab_vm *vm = lab_vm_of(L);
  int rc = fd;
  if (fd >= 0)
    rc = lab_fd_enter(fd, lab_walk(L, 0),
                      vm->running ? vm->running->base.label : 0);
  if (rc < 0 && fd >= 0)
    close(fd);
  if (rc < 0)
    lab_fd_return(vm);
  return rc < 0 ? rc : fd;
}

void lab_fd_closing(lab_vm *vm, int fd) {
  lab_fd_leave(fd); /* before: the number may be another's afterwards */
  lab_fd_return(vm);
}
