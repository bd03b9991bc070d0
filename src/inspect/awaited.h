/* SPDX-License-Identifier: MIT
 * What a task waits for, for pictures of tasks (prof/goroutine_awaited.h): the
 * lock, pool, channel or timer is on the stack of its coroutine.
 *
 * What scripts can wait for is a userdata whose first user value is its name, a
 * string, if it has one. Threads: the VM's. */
#ifndef LAB_INSPECT_AWAITED_H
#define LAB_INSPECT_AWAITED_H

#include <stdbool.h>
#include <stdint.h>

#include "prof/goroutine.h"
#include "task/sink.h"
#include "vm/task.h"

/* The number in G of what T, which waits, is parked on; or 0, if there is
 * nothing to say about it. */
uint32_t lab_awaited_find(lab_goroutines *g, lab_lua_task *t);
/* The sink's lock_changes: who has LOCK until now is in G, too. */
void lab_awaited_keep(lab_goroutines *g, const void *lock, lab_lock_kind kind);

#endif
