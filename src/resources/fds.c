/* SPDX-License-Identifier: MIT
 * See fds.h.
 *
 * The kernel always gives the lowest free number. So a descriptor whose number
 * is close to the process's limit shows that nearly all are in use; it is
 * closed again at once. */
#include "resources/fds.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd_shares.h"
#include "prof/files.h"
#include "resources/resources.h"
#include "vm/vm.h"
#include "vm/walk.h"

void lab_fds_init(lab_vm *vm) {
  pthread_mutex_init(&vm->resources->fds.lock, NULL);
}

void lab_fds_free(lab_vm *vm) {
  pthread_mutex_destroy(&vm->resources->fds.lock);
}

/* ---- the step's limit ---------------------------------------------------- */

/* Under the lock. */
static bool take_descriptor(lab_fds *fds) {
  bool room = fds->limit == 0 || fds->count < fds->limit;
  fds->count += room;
  return room;
}

bool lab_fd_take(lab_vm *vm) {
  lab_fds *fds = &vm->resources->fds;
  pthread_mutex_lock(&fds->lock);
  bool taken = take_descriptor(fds);
  pthread_mutex_unlock(&fds->lock);
  return taken;
}

static void give_back_descriptor(lab_vm *vm) {
  lab_fds *fds = &vm->resources->fds;
  pthread_mutex_lock(&fds->lock);
  fds->count--;
  pthread_mutex_unlock(&fds->lock);
}

void lab_fd_set_limit(lab_vm *vm, unsigned limit) {
  lab_fds *fds = &vm->resources->fds;
  pthread_mutex_lock(&fds->lock);
  fds->limit = limit;
  pthread_mutex_unlock(&fds->lock);
}

void lab_fd_read(lab_vm *vm, unsigned *count, unsigned *limit) {
  lab_fds *fds = &vm->resources->fds;
  pthread_mutex_lock(&fds->lock);
  *count = fds->count;
  *limit = fds->limit;
  pthread_mutex_unlock(&fds->lock);
}

/* ---- the process's ------------------------------------------------------- */

/* Whether the next descriptor would be one that a scenario may have. */
static bool is_room_left(void) {
  int fd = eventfd(0, EFD_CLOEXEC);
  if (fd < 0)
    return false;
  close(fd);
  return (rlim_t)fd < lab_fd_shares_now().steps;
}

int lab_fd_enter(int fd, uint32_t stack, uint32_t label) {
  if ((rlim_t)fd >= lab_fd_shares_now().steps)
    return -EMFILE;
  lab_files_opened(fd, stack, label);
  return 0;
}

void lab_fd_leave(int fd) {
  lab_files_closed(fd);
}

bool lab_fd_take_for_client(lab_vm *vm) {
  return is_room_left() && lab_fd_take(vm);
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
    give_back_descriptor(vm);
  return rc < 0 ? rc : fd;
}

void lab_fd_closing(lab_vm *vm, int fd) {
  lab_fd_leave(fd); /* before: the number may be another's afterwards */
  give_back_descriptor(vm);
}

/* ---- accounts ------------------------------------------------------------ */

int lab_fd_account_take(lab_vm *vm, lab_fd_account *a) {
  lab_fds *fds = &vm->resources->fds;
  bool has_room = is_room_left();
  pthread_mutex_lock(&fds->lock);
  bool closed = a->closed;
  bool taken = !closed && has_room && take_descriptor(fds);
  a->count += taken;
  pthread_mutex_unlock(&fds->lock);
  if (closed)
    return -ECANCELED;
  return taken ? 0 : -EMFILE;
}

void lab_fd_account_give(lab_vm *vm, lab_fd_account *a, int fd) {
  lab_fds *fds = &vm->resources->fds;
  if (fd >= 0)
    lab_fd_leave(fd);
  pthread_mutex_lock(&fds->lock);
  fds->count -= !a->closed;
  a->count -= !a->closed;
  pthread_mutex_unlock(&fds->lock);
}

void lab_fd_account_close(lab_vm *vm, lab_fd_account *a) {
  lab_fds *fds = &vm->resources->fds;
  pthread_mutex_lock(&fds->lock);
  fds->count -= a->count;
  a->count = 0;
  a->closed = true;
  pthread_mutex_unlock(&fds->lock);
}
