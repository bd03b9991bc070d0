/* SPDX-License-Identifier: MIT
 * See merge.h: native frames and Lua frames as one stack that a student can
 * read.
 *
 * The native frames were taken from the leaf up to the first frame in which the
 * VM calls a function; the base is what Lua knows about the rest. The rules, in
 * order from the leaf:
 *
 *  1. Code that is not Lua (ours, libc, the allocator) stays as it is.
 *  2. A run of Lua's frames becomes at most one pseudo frame. If any frame of
 *     the collector is in it, that is "[lua gc]". Otherwise it is the pseudo
 *     name of the outermost frame that has one, because that is what the script
 *     asked for: "[lua concat]", even while that makes a string; or "[lua
 *     table]", "[lua string]", "[lua parser]". Other parts of the core help an
 *     instruction, and are dropped, as the interpreter's loop is.
 *  3. Frames of Lua's libraries are dropped if the base's top is a C function,
 *     because that one's frame, "string.rep", says the same and has the name
 *     that the script uses. Otherwise they stay.
 *  4. A native frame of the C function that is the base's top ("lab.copy_n")
 *     takes the place of the base's frame, because it knows the line. Symbols
 *     get the registered name, so both are one function in a profile.
 *  5. Functions registered as hidden are left out, native or not.
 *  6. No sample is lost: if no frame would remain, the stack is "[lua]", or the
 *     native leaf.
 *  7. What is no address among the native frames stays as it is: "[... frames
 *     left out ...]", or a pseudo frame of the sampler's.
 *
 * Frame 0 of a stack is the address of an instruction, further native frames
 * are return addresses. So a frame that becomes the leaf, or no longer is it,
 * is corrected by one. */
#include "stack/merge.h"

#include "stack/codemap.h"
#include "stack/stack.h"
#include "stack/unwind.h"

typedef struct merge {
  lab_frame out[LAB_UNWIND_MAX + LAB_STACK_DEPTH];
  size_t n;
  const void *base_c;  /* the C function that is the base's top, or NULL */
  bool base_is_native; /* base_c was found among the native frames */
  bool lua_dropped;
} merge;

static void push_frame(merge *m, lab_frame frame) {
  if (m->n < sizeof m->out / sizeof *m->out)
    m->out[m->n++] = frame;
}

static void push_pseudo(merge *m, const char *name) {
  push_frame(m, lab_frame_script(lab_func_pseudo(name), 0));
}

/* PC: the address of an instruction. */
static void push_native(merge *m, uintptr_t pc) {
  push_frame(m, m->n == 0 ? pc : pc + 1);
}

static uintptr_t pc_at(const lab_frame *frames, size_t i) {
  return (uintptr_t)frames[i] - (i > 0);
}

static bool is_lua_code(lab_code code) {
  return code != LAB_CODE_OWN && code != LAB_CODE_LOADED &&
         code != LAB_CODE_OTHER;
}

/* A run of Lua frames: native frames [begin, end), and the one that a pseudo
 * frame stands for, or `end`. */
typedef struct lua_run {
  size_t begin, end, shown;
  const char *pseudo;
} lua_run;

static lua_run find_run(const lab_frame *native, size_t n, size_t begin) {
  lua_run run = {begin, begin, SIZE_MAX, NULL};
  bool gc = false;
  for (; run.end < n; run.end++) {
    lab_code_kind kind = lab_code_kind_at(pc_at(native, run.end));
    if (!is_lua_code(kind.code))
      break;
    bool is_gc = kind.code == LAB_CODE_LUA_GC;
    if (!is_gc && (gc || !kind.pseudo))
      continue;
    gc = is_gc;
    run.pseudo = is_gc ? "[lua gc]" : kind.pseudo;
    run.shown = run.end;
  }
  return run;
}

static void merge_run(merge *m, const lab_frame *native, const lua_run *run) {
  for (size_t i = run->begin; i < run->end; i++) {
    uintptr_t pc = pc_at(native, i);
    if (i == run->shown)
      push_pseudo(m, run->pseudo);
    else if (!m->base_c && lab_code_class(pc) == LAB_CODE_LUA_LIB)
      push_native(m, pc);
    else
      m->lua_dropped = true;
  }
}

static void merge_own(merge *m, uintptr_t pc) {
  const lab_func *f = lab_func_get(lab_code_function(pc));
  if (f && f->address == m->base_c)
    m->base_is_native = true;
  if (!f || !f->hidden)
    push_native(m, pc);
}

static void merge_native(merge *m, const lab_frame *native, size_t n) {
  for (size_t i = 0; i < n;) {
    if (lab_frame_is_script(native[i])) {
      push_frame(m, native[i++]);
      continue;
    }
    uintptr_t pc = pc_at(native, i);
    lab_code code = lab_code_class(pc);
    if (is_lua_code(code)) {
      lua_run run = find_run(native, n, i);
      merge_run(m, native, &run);
      i = run.end;
    } else {
      if (code != LAB_CODE_OTHER)
        merge_own(m, pc);
      else
        push_native(m, pc);
      i++;
    }
  }
}

static const lab_func *func_of(lab_frame frame) {
  return lab_frame_is_script(frame) ? lab_func_get(lab_frame_func(frame))
                                    : NULL;
}

static void merge_base(merge *m, const lab_frame *base, size_t n) {
  for (size_t i = m->base_is_native; i < n; i++) {
    const lab_func *f = func_of(base[i]);
    if (f && f->hidden)
      continue;
    if (lab_frame_is_script(base[i]))
      push_frame(m, base[i]);
    else
      push_native(m, pc_at(base, i));
  }
}

uint32_t lab_stack_merge(const lab_frame *native, size_t n, uint32_t base) {
  const lab_frame *frames;
  size_t nbase = lab_stack_frames(base, &frames);
  merge m;
  m.n = 0;
  m.base_c = NULL;
  m.base_is_native = m.lua_dropped = false;
  const lab_func *top = nbase ? func_of(frames[0]) : NULL;
  if (top && top->kind == LAB_FUNC_C)
    m.base_c = top->address;
  merge_native(&m, native, n);
  merge_base(&m, frames, nbase);
  if (m.n == 0 && m.lua_dropped)
    push_pseudo(&m, "[lua]");
  else if (m.n == 0 && n > 0)
    push_native(&m, pc_at(native, 0));
  return lab_stack_intern(m.out, m.n);
}
