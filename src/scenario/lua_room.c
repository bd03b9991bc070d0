/* SPDX-License-Identifier: MIT
 * See lua_room.h. */
#include "scenario/lua_room.h"

#include "mem/own.h"

void *lab_lua_room_alloc(void *ud, void *block, size_t old, size_t size) {
  lab_lua_room *room = ud;
  size_t before = block ? old : 0;
  if (size == 0) {
    lab_mem_own_free(block);
    room->bytes -= before;
    return NULL;
  }
  if (room->bytes - before + size > room->most)
    return NULL;
  void *got =
      block ? lab_mem_own_realloc(block, size) : lab_mem_own_calloc(1, size);
  if (got)
    room->bytes += size - before;
  return got;
}
