/* SPDX-License-Identifier: MIT
 * The VM's part in CPU profiles: it finds the stack of each sample of the VM's
 * thread. See prof/cpu.h for the rest.
 *
 * Threads: the VM's. */
#ifndef LAB_VM_SAMPLER_H
#define LAB_VM_SAMPLER_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/walk.h"

/* The calling thread runs Lua from now on; or (detach) no longer. */
void lab_sampler_attach(void);
void lab_sampler_detach(void);
/* Around a call that the collector makes, of a finalizer: native stacks end
 * there, before they come to the collector. So samples get a frame for it. */
void lab_sampler_begin_finalizer(void);
void lab_sampler_end_finalizer(void);
/* Samples have LABEL from now on: the running task's (prof/label.h). */
void lab_sampler_set_label(uint32_t label);
/* Around a long primitive on the VM's thread: Lua's stack can't change
 * meanwhile, so samples get it at once. Freeze returns that stack. */
uint32_t lab_sampler_freeze(lua_State *L);
void lab_sampler_thaw(void);
/* The coroutine LEFT yielded, returned or failed: emits the samples that are
 * pending for it. */
void lab_sampler_left(const lab_resumed *left);
/* Emits those that are pending for L, which runs a long C function, or raises
 * an error. Unless Lua's layout is known (lualayout.h), L must have the room on
 * its stack that a C function begins with. */
void lab_sampler_settle(lua_State *L);
/* True while the list of pending samples is being changed. Then a signal
 * handler must not arm the hook. */
bool lab_sampler_is_busy(void);

#endif
