/* SPDX-License-Identifier: MIT
 * The VM's Lua state, opened and closed.
 *
 * Threads: lab_machine_open: the thread that makes the VM, before the VM's own
 * thread runs; everything else: the VM's. */
#ifndef LAB_VM_MACHINE_H
#define LAB_VM_MACHINE_H

#include <lua.h>

#include "base/err.h"
#include "vm/vm.h"

/* Makes vm->L with Lua's libraries, registers the names of their C functions
 * for profiles, and calls OPEN, protected. 0, or a negative errno and ERR. */
int lab_machine_open(lab_vm *vm, lua_CFunction open, lab_err *err);
/* Closes vm->L. Finalizers of userdata run, those of scripts don't. */
void lab_machine_close(lab_vm *vm);

/* The calling thread runs VM from now on: profilers see it, and its time slices
 * begin. Detach: it no longer does. */
void lab_machine_attach(lab_vm *vm);
void lab_machine_detach(void);

#endif
