/* SPDX-License-Identifier: MIT
 * See resources.h. */
#include "resources/resources.h"

#include "base/alloc.h"
#include "vm/vm.h"

void lab_resources_new(lab_vm *vm, const lab_services *services) {
  vm->resources = lab_xcalloc(1, sizeof *vm->resources);
  lab_owned_init(vm);
  lab_fds_init(vm);
  lab_temps_init(vm);
  lab_errands_init(vm, services);
}

void lab_resources_reclaim_all(lab_vm *vm) {
  lab_owned_reclaim(vm, 0, 0);
  lab_temps_close(vm);
}

void lab_resources_abandon(lab_vm *vm) {
  lab_temps_abandon(vm);
}

void lab_resources_free(lab_vm *vm) {
  lab_errands_free(vm);
  lab_temps_free(vm);
  lab_fds_free(vm);
  lab_xfree(vm->resources);
  vm->resources = NULL;
}
