/* SPDX-License-Identifier: MIT
 * See state.h. */
#include "kit/state.h"

#include "base/alloc.h"

/* New blocks are zeroed, so lab_vm_of is NULL from the beginning: the wrapped
 * collector (vm/gc.c) looks at it. */
static void *allocate_for_kit(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  (void)old;
  if (size == 0) {
    lab_xfree(p);
    return NULL;
  }
  return p ? lab_xrealloc(p, size) : lab_xcalloc(1, size);
}

lua_State *lab_kit_state_new(void) {
  return lua_newstate(allocate_for_kit, NULL);
}
