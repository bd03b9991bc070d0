/* SPDX-License-Identifier: MIT
 * See signal_walk.h.
 *
 * The list of calls is in order whenever the machinery of calls (luaD_precall
 * and its like) has called something else. The exceptions: what it calls to
 * make room for more calls or a larger stack moves the list while it works. */
#include "vm/signal_walk.h"

#include <string.h>

#include "stack/stack.h"
#include "stack/unwind.h"
#include "vm/levels.h"
#include "vm/load.h"
#include "vm/lualayout.h"

/* ---- in the handler ------------------------------------------------------ */

static bool moves_calls(const char *name) {
  static const char *const movers[] = {
      "luaD_reallocstack", "luaD_growstack", "luaD_shrinkstack", "luaD_inctop",
      "luaE_extendCI",     "luaE_shrinkCI",  "luaE_freeCI",      NULL};
  for (const char *const *mover = movers; *mover; mover++)
    if (strncmp(name, *mover, strlen(*mover)) == 0)
      return true;
  return false;
}

/* Memory for whom: the machinery itself. */
static bool is_allocator(const char *name) {
  return strncmp(name, "luaM_", 5) == 0 || strcmp(name, "lab_vm_alloc") == 0;
}

static bool is_standing_still(const void *ucontext) {
  lab_frame native[LAB_UNWIND_MAX];
  lab_code stopped = LAB_CODE_OTHER;
  size_t n =
      lab_unwind_signal(ucontext, native, LAB_UNWIND_MAX, true, &stopped);
  if (n == 0 || (stopped == LAB_CODE_OTHER && n < LAB_UNWIND_MAX))
    return false;
  for (size_t i = 0; i < n; i++) {
    const char *name = lab_code_name((uintptr_t)native[i] - (i > 0), NULL);
    if (name && (moves_calls(name) || (i + 1 == n && is_allocator(name))))
      return false;
  }
  return true;
}

/* The place of S among W's sources, or LAB_SIGNAL_WALK_SOURCES: no room. */
static unsigned copy_source(lab_signal_walk *w, const lab_layout_string *s) {
  static const char none[] = "=?"; /* of a function that was stripped */
  unsigned i = 0;
  while (i < w->nsources && w->strings[i] != s)
    i++;
  if (i < w->nsources || i == LAB_SIGNAL_WALK_SOURCES)
    return i;
  const char *text = s ? s->text : none;
  size_t len = !s                 ? sizeof none - 1
               : s->type >> 4 & 1 ? s->u.long_length
                                  : s->short_length;
  w->strings[i] = s;
  w->lengths[i] = len < LAB_FUNC_NAME_MAX ? len : LAB_FUNC_NAME_MAX;
  memcpy(w->sources[i], text, w->lengths[i]);
  w->nsources++;
  return i;
}

static bool copy_lua(lab_signal_walk *w, const lab_level *l,
                     const lab_layout_proto *p, lab_copied_level *out) {
  lua_Debug ar;
  ar.i_ci = l->call;
  lua_getinfo(l->L, "l", &ar);
  *out = (lab_copied_level){.kind = LAB_COPIED_LUA,
                            .source = copy_source(w, p->source),
                            .line_defined = p->line_defined,
                            .order = lab_load_order(p),
                            .line = ar.currentline};
  return out->source < LAB_SIGNAL_WALK_SOURCES;
}

static bool copy_level(lab_signal_walk *w, const lab_level *l,
                       lab_copied_level *out) {
  *out = (lab_copied_level){.kind = LAB_COPIED_LEFT_OUT};
  if (!l)
    return true;
  const lab_layout_value *f = ((const lab_layout_call *)(void *)l->call)->func;
  if (f->type == lab_lua_layout.lua_function)
    return copy_lua(w, l, ((const lab_layout_function *)f->as.object)->proto,
                    out);
  out->kind = LAB_COPIED_C;
  if (f->type == lab_lua_layout.c_function)
    out->c = (const void *)f->as.function;
  else if (f->type == lab_lua_layout.c_closure)
    out->c =
        (const void *)((const lab_layout_cclosure *)f->as.object)->function;
  return true;
}

bool lab_signal_walk_take(lab_signal_walk *w, const lab_resumed *chain,
                          const void *ucontext) {
  lab_levels s;
  if (!lab_layout_fits() || !is_standing_still(ucontext))
    return false;
  lab_levels_list(&s, chain, 0);
  w->n = s.shown;
  w->left_out = s.left_out;
  w->nsources = 0;
  for (size_t i = 0; i < s.shown; i++)
    if (!copy_level(w, lab_levels_at(&s, i), &w->levels[i]))
      return false;
  return true;
}

/* ---- on another thread --------------------------------------------------- */

static lab_frame make_copied_frame(const lab_signal_walk *w,
                                   const lab_copied_level *l) {
  uint32_t c;
  switch (l->kind) {
  case LAB_COPIED_LEFT_OUT:
    return lab_frame_left_out(w->left_out);
  case LAB_COPIED_C:
    c = l->c ? lab_func_find_c(l->c) : 0;
    return lab_frame_script(c ? c : lab_func_pseudo("[C function]"), 0);
  case LAB_COPIED_LUA:
    break;
  }
  uint32_t id = lab_func_lua(w->sources[l->source], w->lengths[l->source],
                             l->line_defined, l->order);
  return lab_frame_script(id, l->line);
}

uint32_t lab_signal_walk_intern(const lab_signal_walk *w) {
  lab_frame frames[LAB_WALK_DEPTH];
  for (size_t i = 0; i < w->n; i++)
    frames[i] = make_copied_frame(w, &w->levels[i]);
  return lab_stack_intern(frames, w->n);
}
