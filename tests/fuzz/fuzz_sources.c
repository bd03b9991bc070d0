/* SPDX-License-Identifier: MIT
 * Takes any bytes for a chunk of Lua. Checked: no crash, no endless loop; each
 * name can stand in a profile, and no two of a line are equal; and if Lua
 * itself accepts the chunk, it finds the same functions at the same lines, in
 * the same order. */
#include <lauxlib.h>

#include "base/alloc.h"
#include "input.h"
#include "stack/luanames.h"
#include "vm/lualayout.h"
#include "vm/load.h"

enum { FUNCTIONS_MAX = 1024 };

typedef struct place {
  int line, order;
} place;

static lua_State *L;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  L = luaL_newstate();
  lab_layout_check(L, &lab_lua_layout);
  LAB_ASSERT(lab_layout_fits());
  return 0;
}

static void check_name(const lab_luaname *names, size_t i) {
  const lab_luaname *n = &names[i], *before = n - 1;
  size_t len = strnlen(n->name, LAB_LUANAME_MAX);
  LAB_ASSERT(len > 0 && len < LAB_LUANAME_MAX);
  for (size_t k = 0; k < len; k++)
    LAB_ASSERT((unsigned char)n->name[k] >= ' ');
  LAB_ASSERT(n->line >= 1);
  bool same_line = i > 0 && before->line == n->line;
  LAB_ASSERT(i == 0 || before->line <= n->line);
  LAB_ASSERT(n->order == (same_line ? before->order + 1 : 0));
  for (size_t k = i; same_line && k > 0 && names[k - 1].line == n->line; k--)
    LAB_ASSERT(strcmp(names[k - 1].name, n->name) != 0);
}

/* The functions in P, but for P itself, as they come in the text. */
static size_t list_places(const lab_layout_proto *p, place *out, size_t n) {
  for (int i = 0; i < p->nprotos && n < FUNCTIONS_MAX; i++) {
    out[n] = (place){p->protos[i]->line_defined, lab_load_order(p->protos[i])};
    n = list_places(p->protos[i], out, n + 1);
  }
  return n;
}

static int compare_places(const void *a, const void *b) {
  const place *x = a, *y = b;
  return x->line != y->line ? x->line - y->line : x->order - y->order;
}

static void compare_with_lua(const char *text, size_t size,
                             const lab_luaname *names, size_t n) {
  static place places[FUNCTIONS_MAX];
  if (luaL_loadbufferx(L, text, size, "=fuzz", "t") == LUA_OK) {
    const lab_layout_function *f = lua_topointer(L, -1);
    size_t count = list_places(f->proto, places, 0);
    qsort(places, count, sizeof *places, compare_places);
    LAB_ASSERT(count == n);
    for (size_t i = 0; i < n && i < FUNCTIONS_MAX; i++)
      LAB_ASSERT(places[i].line == names[i].line &&
                 places[i].order == names[i].order);
  }
  lua_settop(L, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_luaname *names;
  size_t n = lab_luanames_find((const char *)data, size, &names);
  for (size_t i = 0; i < n; i++)
    check_name(names, i);
  if (n < FUNCTIONS_MAX)
    compare_with_lua((const char *)data, size, names, n);
  lab_xfree(names);
  return 0;
}
