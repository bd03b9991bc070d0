/* SPDX-License-Identifier: MIT
 * See rehash.h.
 *
 * luaH_resize makes a new part for the hash, gives the array its new length,
 * and then enters all that is in the old part, which it only reads. While it
 * searches, the new part is a complete table with fewer keys. So giving up is
 * to put the old part back; what has gone to the array is copied there. The
 * array tells how far it has come: it is moved once, just before. */
#include "vm/rehash.h"

#include <lua.h>
#include <stddef.h>
#include <string.h>

#include "vm/lualayout.h"

enum { FEW = 12 }; /* 2^12 keys are moved in some 20 ms at worst */

/* What the innermost call on a large table has found. */
static __thread __attribute__((tls_model("initial-exec"))) struct {
  lua_State *L;
  lab_layout_table *table; /* NULL: none is under way */
  lab_layout_table before;
  unsigned array_size;
  bool is_moving; /* the array has its new length */
} noted;

/* ---- what Lua calls ------------------------------------------------------ */

unsigned luaH_realasize(const void *table);
void luaM_free_(lua_State *L, void *block, size_t size);

typedef struct lab_layout_table table;
typedef const lab_layout_value value;

void __real_luaH_finishset(lua_State *L, table *t, value *key, value *at,
                           value *v);
void __wrap_luaH_finishset(lua_State *L, table *t, value *key, value *at,
                           value *v);
void __real_luaH_set(lua_State *L, table *t, value *key, value *v);
void __wrap_luaH_set(lua_State *L, table *t, value *key, value *v);
void __real_luaH_setint(lua_State *L, table *t, lua_Integer key, value *v);
void __wrap_luaH_setint(lua_State *L, table *t, lua_Integer key, value *v);
void __real_luaH_resizearray(lua_State *L, table *t, unsigned size);
void __wrap_luaH_resizearray(lua_State *L, table *t, unsigned size);
void *__real_luaM_realloc_(lua_State *L, void *block, size_t old, size_t size);
void *__wrap_luaM_realloc_(lua_State *L, void *block, size_t old, size_t size);

bool lab_rehash_is_noted(const char *name) {
  return strncmp(name, "__wrap_luaH_", 12) == 0;
}

static void note_table(lua_State *L, table *t) {
  noted.table = NULL; /* an error may have left the one before */
  if (t->log_nodes < FEW || !lab_layout_fits())
    return;
  noted.L = L;
  noted.before = *t;
  noted.array_size = luaH_realasize(t);
  noted.is_moving = false;
  noted.table = t;
}

/* Also keeps the call before it from being the last thing that a function does:
 * its frame must be on the stack. */
static void forget_table(void) {
  noted.table = NULL;
  __asm__ volatile("" ::: "memory");
}

void __wrap_luaH_finishset(lua_State *L, table *t, value *key, value *at,
                           value *v) {
  note_table(L, t);
  __real_luaH_finishset(L, t, key, at, v);
  forget_table();
}

void __wrap_luaH_set(lua_State *L, table *t, value *key, value *v) {
  note_table(L, t);
  __real_luaH_set(L, t, key, v);
  forget_table();
}

void __wrap_luaH_setint(lua_State *L, table *t, lua_Integer key, value *v) {
  note_table(L, t);
  __real_luaH_setint(L, t, key, v);
  forget_table();
}

void __wrap_luaH_resizearray(lua_State *L, table *t, unsigned size) {
  note_table(L, t);
  __real_luaH_resizearray(L, t, size);
  forget_table();
}

/* A table has an array of its own, or none, and that is NULL: no other block is
 * moved while the table is, but by an emergency collection, and not NULL. */
void *__wrap_luaM_realloc_(lua_State *L, void *block, size_t old, size_t size) {
  void *moved = __real_luaM_realloc_(L, block, old, size);
  if (noted.table && block == noted.before.array)
    noted.is_moving = true;
  return moved;
}

/* ---- giving up ----------------------------------------------------------- */

/* The keys that the larger array has room for are no longer looked for in the
 * hash. */
static void move_to_array(table *t) {
  size_t n = (size_t)1 << t->log_nodes, size = luaH_realasize(t);
  for (size_t i = 0; i < n; i++) {
    lab_layout_node *node = &t->nodes[i];
    lua_Unsigned at = (lua_Unsigned)node->key.integer - 1;
    bool is_there = (node->type & 15) != LUA_TNIL;
    if (!is_there || node->key_type != lab_lua_layout.integer || at >= size)
      continue;
    memcpy(&t->array[at].as, &node->as, sizeof node->as);
    t->array[at].type = node->type;
    node->type = lab_lua_layout.empty;
  }
}

static void free_nodes(const table *of) {
  bool is_own = of->last_free != NULL; /* else it's the one of all small ones */
  if (is_own)
    luaM_free_(noted.L, of->nodes,
               sizeof(lab_layout_node) * ((size_t)1 << of->log_nodes));
}

static void put_back(table *t, const table *from) {
  t->nodes = from->nodes;
  t->log_nodes = from->log_nodes;
  t->last_free = from->last_free;
}

bool lab_rehash_give_up(void) {
  table *t = noted.table;
  if (!t || !noted.is_moving || t->nodes == noted.before.nodes)
    return false;
  table now = *t;
  if (luaH_realasize(t) >= noted.array_size) {
    put_back(t, &noted.before);
    move_to_array(t);
    free_nodes(&now);
  } else {
    free_nodes(&noted.before);
  }
  noted.table = NULL;
  return true;
}
