/* SPDX-License-Identifier: MIT
 * The descriptors that scenarios have: how many they may, and who opened which.
 *
 * Two bounds, and both answer as the kernel would, with EMFILE. The step's own
 * (limits.fds) is a count. The process's is RLIMIT_NOFILE, of which the lab
 * keeps a part for itself: the kernel always gives the lowest free number, so a
 * descriptor with a number close to the limit tells that nearly all are taken;
 * it is given back at once. Connections, profiles and /goto live on those.
 *
 * Files are opened by the VM and closed by workers, clients of a scenario's
 * server come and go on the control thread: so the count has a lock. */
#include "script/vm.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "prof/files.h"

enum { RESERVE_MAX = 64 };

/* ---- the step's limit ---------------------------------------------------- */

/* Under the lock. */
static bool take_one(lab_vm *vm) {
  bool room = vm->fd_limit == 0 || vm->fds < vm->fd_limit;
  vm->fds += room;
  return room;
}

bool lab_fd_take(lab_vm *vm) {
  pthread_mutex_lock(&vm->fds_lock);
  bool taken = take_one(vm);
  pthread_mutex_unlock(&vm->fds_lock);
  return taken;
}

void lab_fd_return(lab_vm *vm) {
  pthread_mutex_lock(&vm->fds_lock);
  vm->fds--;
  pthread_mutex_unlock(&vm->fds_lock);
}

void lab_fd_set_limit(lab_vm *vm, unsigned limit) {
  pthread_mutex_lock(&vm->fds_lock);
  vm->fd_limit = limit;
  pthread_mutex_unlock(&vm->fds_lock);
}

void lab_fd_read(lab_vm *vm, unsigned *fds, unsigned *limit) {
  pthread_mutex_lock(&vm->fds_lock);
  *fds = vm->fds;
  *limit = vm->fd_limit;
  pthread_mutex_unlock(&vm->fds_lock);
}

/* ---- the process's ------------------------------------------------------- */

/* Numbers from here on are the lab's. */
static rlim_t first_reserved(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
    return RLIM_INFINITY;
  rlim_t quarter = limit.rlim_cur / 4;
  return limit.rlim_cur - (quarter < RESERVE_MAX ? quarter : RESERVE_MAX);
}

/* Whether the next descriptor would be one that a scenario may have. */
static bool is_room_left(void) {
  int fd = eventfd(0, EFD_CLOEXEC);
  if (fd < 0)
    return false;
  close(fd);
  return (rlim_t)fd < first_reserved();
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

/* ---- one descriptor ------------------------------------------------------ */

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

/* ---- an errand's --------------------------------------------------------- */

int lab_errand_take(lab_errand *e) {
  lab_vm *vm = e->vm;
  if (!is_room_left())
    return -EMFILE;
  pthread_mutex_lock(&vm->fds_lock);
  bool taken = !e->ended && take_one(vm);
  e->fds += taken;
  pthread_mutex_unlock(&vm->fds_lock);
  return taken ? 0 : -EMFILE;
}

void lab_errand_accepted(const lab_errand *e, int fd) {
  lab_files_opened(fd, e->stack, e->label);
}

void lab_errand_give(lab_errand *e, int fd) {
  lab_vm *vm = e->vm;
  if (fd >= 0)
    lab_fd_leave(fd);
  pthread_mutex_lock(&vm->fds_lock);
  vm->fds -= !e->ended;
  e->fds -= !e->ended;
  pthread_mutex_unlock(&vm->fds_lock);
}

void lab_fd_end_errand(lab_errand *e) {
  lab_vm *vm = e->vm;
  pthread_mutex_lock(&vm->fds_lock);
  vm->fds -= e->fds;
  e->fds = 0;
  e->ended = true;
  pthread_mutex_unlock(&vm->fds_lock);
}
