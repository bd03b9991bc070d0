/* SPDX-License-Identifier: MIT
 * The vDSO: code of the kernel's in every process, for calls that need no
 * system call, such as clock_gettime and, since Linux 6.11, getrandom. It is a
 * small library that lies in memory and in no file.
 *
 * It has helpers without a symbol, and some have no unwind table either: most
 * of getrandom's time passes in such a one. Profiles count them as the vDSO's
 * function that called them.
 *
 * Internal to src/stack. Threads: any. Signal handlers: all but the first
 * function are safe. */
#ifndef LAB_STACK_VDSO_H
#define LAB_STACK_VDSO_H

#include <stdbool.h>
#include <stdint.h>

/* Reads its symbols. Call it before the others, while there is one thread.
 * Where there is no vDSO, no address is in it. */
void lab_vdso_init(void);

/* The function at PC by the name that programs call it by ("getrandom" for
 * __vdso_getrandom), or NULL. The string is the kernel's and stays. */
const char *lab_vdso_name(uintptr_t pc);

/* Whether PC is in code of the vDSO that no symbol names. */
bool lab_vdso_is_helper(uintptr_t pc);

#endif
