/* SPDX-License-Identifier: MIT
 * Loading chunks: in slices, so that it can be interrupted, and so that the
 * functions which begin at one line can be told apart. It also notices when
 * their code is freed.
 *
 * Lua knows of a function only its chunk and its first line. So whenever a
 * chunk has been compiled, or loaded in binary form, each of its functions that
 * is not the first one of its line gets its order noted. string.dump keeps the
 * note, unless it strips the function: that is counted anew.
 *
 * Threads: that of the Lua state which the function belongs to. */
#ifndef LAB_VM_LOAD_H
#define LAB_VM_LOAD_H

#include <stdint.h>

#include "vm/lualayout.h"

/* How many functions of P's chunk begin earlier at the same line. Only if
 * lab_layout_fits. */
int lab_load_order(const lab_layout_proto *p);

/* How often the VM's collector has freed a function's code so far. While this
 * is the same, an address of code means the same. */
uint64_t lab_load_freed(void);

/* LOOK is called before each slice of the VM's chunks is compiled, and while
 * jumps are resolved, and may raise. NULL: nothing is called. States without a
 * VM are left alone: they live on other threads. */
void lab_load_set_look(void (*look)(lua_State *L));

#endif
