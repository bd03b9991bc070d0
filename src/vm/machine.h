/* SPDX-License-Identifier: MIT
 * The VM's Lua state, opened and closed.
 *
 * Threads: open: the thread that makes the VM, before the VM's own runs; the
 * rest: the VM's. */
#ifndef LAB_VM_MACHINE_H
#define LAB_VM_MACHINE_H

#include <lua.h>

#include "base/err.h"
#include "vm/vm.h"

/* Makes vm->L, with Lua's libraries, whose C functions have their names in
 * profiles, and calls OPEN on it, protected. 0, or a negative errno and ERR. */
int lab_machine_open(lab_vm *vm, lua_CFunction open, lab_err *err);
/* Closes it; finalizers run. */
void lab_machine_close(lab_vm *vm);

/* The calling thread runs VM from now on: profilers and time slices. */
void lab_machine_attach(lab_vm *vm);
void lab_machine_detach(void);

#endif
