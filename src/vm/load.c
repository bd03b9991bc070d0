/* SPDX-License-Identifier: MIT
 * See load.h. Where Lua loads a chunk: lua_load is wrapped at link time
 * (--wrap), so this sees the chunks of load, require and dofile as well. So is
 * luaF_freeproto, by which the collector frees a function's code.
 *
 * The note is one more entry at the end of the function's list of absolute
 * lines: the line of an instruction that no function has. Lua looks entries up
 * by instruction, so it never finds this one. It goes when the function goes,
 * and is dumped with the function. Most functions are the only ones of their
 * line and need no note. */
#include "vm/load.h"

#include <stdbool.h>

#include "vm/vm.h"

enum {
  NOTE = 1 << 30,   /* lab_layout_absline.pc; string.dump can write it */
  MAX_NESTED = 250, /* functions in functions; Lua's parser allows 200 */
  SLICE = 1024,     /* bytes: the parser's time can be the square of it */
  JUMPS = 8,        /* so many are made or resolved between two looks */
};

int __real_lua_load(lua_State *L, lua_Reader reader, void *data,
                    const char *name, const char *mode);
int __wrap_lua_load(lua_State *L, lua_Reader reader, void *data,
                    const char *name, const char *mode);
/* Lua's own: counts what it gives; NULL: there is no memory. */
void *luaM_realloc_(lua_State *L, void *block, size_t before, size_t after);

/* ---- the order of functions ----------------------------------------------
 */

static const lab_layout_absline *find_note(const lab_layout_proto *p) {
  if (p->nabslineinfo == 0)
    return NULL;
  const lab_layout_absline *last = &p->abslineinfo[p->nabslineinfo - 1];
  return last->pc == NOTE ? last : NULL;
}

void __real_luaF_freeproto(lua_State *L, lab_layout_proto *p);
void __wrap_luaF_freeproto(lua_State *L, lab_layout_proto *p);

static uint64_t freed_codes;

uint64_t lab_load_freed(void) {
  return freed_codes;
}

void __wrap_luaF_freeproto(lua_State *L, lab_layout_proto *p) {
  if (lab_vm_of(L))
    freed_codes++;
  __real_luaF_freeproto(L, p);
}

int lab_load_order(const lab_layout_proto *p) {
  const lab_layout_absline *note = find_note(p);
  return note && note->line > 0 ? note->line : 0;
}

static bool add_note(lua_State *L, lab_layout_proto *p, int order) {
  size_t size = sizeof *p->abslineinfo, n = (size_t)p->nabslineinfo;
  lab_layout_absline *list =
      luaM_realloc_(L, p->abslineinfo, n * size, (n + 1) * size);
  if (!list)
    return false;
  list[n] = (lab_layout_absline){NOTE, order};
  p->abslineinfo = list;
  p->nabslineinfo++;
  return true;
}

/* The function met last, in the order of the text. */
typedef struct met {
  int line, order;
} met;

/* Of P, and of the functions in it. False: there is no memory. */
static bool note_orders(lua_State *L, lab_layout_proto *p, met *last,
                        int nested) {
  int order = p->line_defined == last->line ? last->order + 1 : 0;
  if (find_note(p)) /* it was dumped, maybe without those before it */
    order = lab_load_order(p);
  else if (order > 0 && !add_note(L, p, order))
    return false;
  *last = (met){p->line_defined, order};
  for (int i = 0; i < p->nprotos && nested < MAX_NESTED; i++)
    if (!note_orders(L, p->protos[i], last, nested + 1))
      return false;
  return true;
}

/* ---- slices --------------------------------------------------------------
 */

static void (*look_around)(lua_State *L);
/* NULL: nothing is being compiled, or for a state without a VM. */
static __thread lua_State *compiling;

void lab_load_set_look(void (*look)(lua_State *L)) {
  look_around = look;
}

typedef struct slicer {
  lua_Reader reader; /* gives pieces of any size */
  void *data;
  const char *at; /* what is left of the present piece */
  size_t left;
} slicer;

static const char *read_slice(lua_State *L, void *data, size_t *size) {
  slicer *s = data;
  if (compiling && look_around)
    look_around(L);
  if (s->left == 0)
    s->at = s->reader(L, s->data, &s->left);
  if (!s->at || s->left == 0) {
    *size = s->left = 0;
    return NULL;
  }
  const char *slice = s->at;
  *size = s->left < SLICE ? s->left : SLICE;
  s->at += *size;
  s->left -= *size;
  return slice;
}

/* ---- jumps ---------------------------------------------------------------
 *
 * A label may have 32,767 gotos before it. Lua moves all that remain for each
 * one that it resolves: most of a second for one word of the chunk. Each branch
 * of a long chain of elseif, and each operand of a long chain of or, walks over
 * all jumps before it. These are the functions of Lua's code generator that the
 * parser calls for it (--wrap). They may raise. */

struct lab_function_state; /* Lua's own */
struct lab_operand;

void __real_luaK_patchlist(struct lab_function_state *f, int list, int target);
void __wrap_luaK_patchlist(struct lab_function_state *f, int list, int target);
void __real_luaK_concat(struct lab_function_state *f, int *list, int more);
void __wrap_luaK_concat(struct lab_function_state *f, int *list, int more);
void __real_luaK_infix(struct lab_function_state *f, int op,
                       struct lab_operand *v);
void __wrap_luaK_infix(struct lab_function_state *f, int op,
                       struct lab_operand *v);

static void look_at_jump(void) {
  static __thread unsigned jumps;
  if (++jumps % JUMPS == 0 && compiling && look_around)
    look_around(compiling);
}

void __wrap_luaK_patchlist(struct lab_function_state *f, int list, int target) {
  look_at_jump();
  __real_luaK_patchlist(f, list, target);
}

void __wrap_luaK_concat(struct lab_function_state *f, int *list, int more) {
  look_at_jump();
  __real_luaK_concat(f, list, more);
}

void __wrap_luaK_infix(struct lab_function_state *f, int op,
                       struct lab_operand *v) {
  look_at_jump();
  __real_luaK_infix(f, op, v);
}

/* ---- lua_load ------------------------------------------------------------
 */

int __wrap_lua_load(lua_State *L, lua_Reader reader, void *data,
                    const char *name, const char *mode) {
  slicer slices = {.reader = reader, .data = data};
  lua_State *outer = compiling; /* its reader loads this chunk */
  compiling = lab_vm_of(L) ? L : NULL;
  int status = __real_lua_load(L, read_slice, &slices, name, mode);
  compiling = outer;
  if (status != LUA_OK || !lab_layout_fits())
    return status;
  const lab_layout_function *f = lua_topointer(L, -1);
  met last = {-1, 0};
  if (note_orders(L, f->proto, &last, 0))
    return LUA_OK;
  lua_pop(L, 1);
  lua_pushliteral(L, "not enough memory"); /* Lua has this one ready */
  return LUA_ERRMEM;
}
