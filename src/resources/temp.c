/* SPDX-License-Identifier: MIT
 * See temp.h. */
#include "resources/temp.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "base/rng.h"
#include "prim/file.h"
#include "resources/owned.h"
#include "resources/resources.h"
#include "vm/vm.h"

/* A folder on a slow disk. Workers read the list while the VM's thread adds to
 * it, at its beginning; nothing is taken out. */
typedef struct slow_folder {
  struct slow_folder *next;
  uint64_t latency;
  size_t size; /* of this block, which is the scenario's memory */
  char path[];
} slow_folder;

struct lab_temp {
  lab_owned owned;
  lab_vm *vm;
  lab_temp *next; /* in lab_temps */
  unsigned users; /* jobs under way */
  bool given_up;  /* the step was left: the last user removes it */
  atomic_bool made;
  _Atomic(slow_folder *) slow;
  lab_job removal; /* afterwards */
  char path[];
};

/* $TMPDIR without symbolic links, so that paths can be compared. The name can't
 * be guessed, so no other user can have made a folder of that name before. */
static char *make_root_path(void) {
  const char *tmp = getenv("TMPDIR");
  char base[PATH_MAX], path[PATH_MAX + 64];
  if (!realpath(tmp && *tmp ? tmp : "/tmp", base))
    snprintf(base, sizeof base, "/tmp");
  uint64_t seed;
  if (getentropy(&seed, sizeof seed) < 0)
    seed = lab_clock_mono();
  snprintf(path, sizeof path, "%s/diaglab-%d-%08x", base, (int)getpid(),
           (unsigned)lab_rng_next(&seed));
  return lab_xstrdup(path);
}

void lab_temps_init(lab_vm *vm) {
  vm->resources->temps.root = make_root_path();
}

/* What stays, and why, is said. */
static void remove_or_tell(const char *path) {
  lab_err err;
  int rc = lab_remove_tree(path, &err);
  if (rc && rc != -ENOENT)
    lab_log("%s", err.text);
}

/* Where a folder has stayed that a step left: perhaps it goes now. */
void lab_temps_close(lab_vm *vm) {
  remove_or_tell(vm->resources->temps.root);
}

/* The caller may hold the log's locks. */
void lab_temps_abandon(lab_vm *vm) {
  lab_err err;
  char line[sizeof err.text + 1];
  int rc = lab_remove_tree(vm->resources->temps.root, &err);
  if (rc == 0 || rc == -ENOENT)
    return;
  int n = snprintf(line, sizeof line, "%s\n", err.text);
  lab_log_write_last(lab_log_fd(), line, (size_t)n);
}

void lab_temps_free(lab_vm *vm) {
  lab_xfree(vm->resources->temps.root);
}

/* ---- the end ------------------------------------------------------------- */

static void run_removal(lab_job *job) {
  remove_or_tell(LAB_CONTAINER(job, lab_temp, removal)->path);
}

static void free_removed(lab_job *job) {
  lab_temp *temp = LAB_CONTAINER(job, lab_temp, removal);
  for (slow_folder *f = atomic_load(&temp->slow), *next; f; f = next) {
    next = f->next;
    lab_counted_free(f, f->size);
  }
  lab_xfree(temp);
}

/* On a worker, because there may be a hundred thousand files. When the VM ends
 * there are no workers any more. */
static void remove_folder(lab_temp *temp) {
  temp->removal.run = run_removal;
  temp->removal.done = free_removed;
  if (temp->vm->workers) {
    lab_workers_submit(temp->vm->workers, &temp->removal);
  } else {
    run_removal(&temp->removal);
    free_removed(&temp->removal);
  }
}

static void reclaim_temp(lab_owned *o) {
  lab_temp *temp = LAB_CONTAINER(o, lab_temp, owned);
  lab_temp **at = &temp->vm->resources->temps.first;
  while (*at != temp)
    at = &(*at)->next;
  *at = temp->next;
  temp->given_up = true;
  if (temp->users == 0 || !temp->vm->workers)
    remove_folder(temp);
}

/* ---- use ----------------------------------------------------------------- */

static lab_temp *find_temp(lab_vm *vm) {
  uint32_t generation = lab_vm_generation(vm);
  for (lab_temp *temp = vm->resources->temps.first; temp; temp = temp->next)
    if (temp->owned.generation == generation)
      return temp;
  return NULL;
}

static lab_temp *new_temp(lab_vm *vm) {
  size_t room = strlen(vm->resources->temps.root) + 24;
  lab_temp *temp = lab_xcalloc(1, sizeof *temp + room);
  temp->vm = vm;
  lab_owned_add(vm, &temp->owned, NULL, reclaim_temp);
  snprintf(temp->path, room, "%s/visit-%u", vm->resources->temps.root,
           temp->owned.generation);
  temp->next = vm->resources->temps.first;
  vm->resources->temps.first = temp;
  return temp;
}

lab_temp *lab_temp_use(lab_vm *vm) {
  lab_temp *temp = find_temp(vm);
  if (!temp)
    temp = new_temp(vm);
  temp->users++;
  return temp;
}

void lab_temp_unuse(lab_temp *temp) {
  if (--temp->users == 0 && temp->given_up)
    remove_folder(temp);
}

const char *lab_temp_path(const lab_temp *temp) {
  return temp->path;
}

int lab_temp_make(lab_temp *temp) {
  if (atomic_load(&temp->made))
    return 0;
  int rc = lab_file_make_dirs(temp->path);
  atomic_store(&temp->made, rc == 0);
  return rc;
}

/* ---- slow disks ---------------------------------------------------------- */

bool lab_temp_slow_down(lab_temp *temp, const char *folder, uint64_t latency) {
  size_t len = strlen(folder) + 1, size = sizeof(slow_folder) + len;
  slow_folder *f = lab_counted_realloc(NULL, 0, size);
  if (!f)
    return false;
  f->next = atomic_load(&temp->slow);
  f->latency = latency;
  f->size = size;
  memcpy(f->path, folder, len);
  atomic_store(&temp->slow, f);
  return true;
}

uint64_t lab_temp_latency(const lab_temp *temp, const char *path) {
  const slow_folder *f = atomic_load(&temp->slow);
  while (f && !lab_file_is_within(path, f->path))
    f = f->next;
  return f ? f->latency : 0;
}
