/* SPDX-License-Identifier: MIT
 * See symbols.h. The cache of answers, and where they come from:
 *
 *   Lua function         sources.c
 *   C function of Lua    the name it was registered with; DWARF for its place
 *   our own code, and    DWARF, with what was inlined; else our symbol table
 *   primitives' (loaded)
 *   libraries            their symbols (modules.c), because in DWARF as large
 *                        as libc's one address would take 0.2 ms
 *
 * A frame that isn't a Lua function's always means the same, so its answer is
 * kept for ever. Profiles have the same few thousand addresses again and
 * again. */
#include "stack/symbols.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "stack/codemap.h"
#include "stack/debuginfo.h"
#include "stack/intern.h"
#include "stack/modules.h"
#include "stack/sources.h"

typedef struct answer {
  uint64_t key; /* pc, or script frame */
  const lab_symbol *symbols;
  size_t n;
} answer;

static struct {
  pthread_mutex_t lock;
  lab_shelf shelf;
  lab_table table;
  lab_intern_pool pool;
  uint32_t count;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .shelf = {.item = sizeof(answer)}};

/* ---- native -------------------------------------------------------------- */

/* If the function at PC was registered for Lua, the outermost symbol gets that
 * name. */
static void rename_registered(uintptr_t pc, lab_symbol *outermost) {
  const lab_func *f = lab_func_get(lab_code_function(pc));
  if (f)
    outermost->name = f->name;
}

/* Whether the debug information of PC's object is read: that of libraries
 * isn't. */
static bool has_debuginfo(int mapping, uintptr_t pc) {
  return mapping == 0 || lab_code_class(pc) == LAB_CODE_LOADED;
}

static size_t resolve_native(uintptr_t pc, lab_symbol *out) {
  int mapping = lab_modules_mapping(pc);
  Dwfl_Module *m = lab_modules_dwfl(pc);
  const char *own = lab_code_name(pc, NULL);
  size_t n =
      m && has_debuginfo(mapping, pc) ? lab_debuginfo_lookup(m, pc, out) : 0;
  if (n == 0)
    out[n++] =
        (lab_symbol){.name = own ? own : lab_modules_name(m, pc), .file = ""};
  for (size_t i = 0; i < n; i++) {
    out[i].address = pc;
    out[i].mapping = mapping;
  }
  rename_registered(pc, &out[n - 1]);
  return n;
}

/* ---- script -------------------------------------------------------------- */

static size_t resolve_lua(const lab_func *f, int line, lab_symbol *out) {
  const char *path;
  const char *name = lab_sources_name(f->source, f->line, f->order, &path);
  *out = (lab_symbol){.name = name,
                      .file = path,
                      .line = line,
                      .start_line = f->line,
                      .mapping = -1};
  return 1;
}

static size_t resolve_left_out(size_t left_out, lab_symbol *out) {
  char name[LAB_LEFT_OUT_NAME];
  size_t len = lab_frame_name_left_out(name, left_out);
  *out = (lab_symbol){
      .name = lab_intern_string(name, len), .file = "", .mapping = -1};
  return 1;
}

static size_t resolve_script(const lab_func *f, lab_symbol *out) {
  *out = (lab_symbol){
      .name = f ? f->name : "[unknown]", .file = "", .mapping = -1};
  uintptr_t pc = f ? (uintptr_t)f->address : 0;
  Dwfl_Module *m = NULL;
  if (pc && has_debuginfo(lab_modules_mapping(pc), pc))
    m = lab_modules_dwfl(pc);
  if (m)
    out->file = lab_debuginfo_definition(m, pc, &out->start_line);
  out->line = out->start_line;
  return 1;
}

/* ---- the cache ----------------------------------------------------------- */

static const answer *find_answer(uint64_t hash, uint64_t key) {
  lab_table_walk walk = lab_table_find(&cache.table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    const answer *a = lab_shelf_at(&cache.shelf, id - 1);
    if (a->key == key)
      return a;
  }
  return NULL;
}

static size_t resolve_key(uint64_t key, lab_symbol *out) {
  if (lab_frame_is_script(key))
    return resolve_script(lab_func_get(lab_frame_func(key)), out);
  return resolve_native((uintptr_t)key, out);
}

/* Under the lock. */
static const answer *find_or_resolve(uint64_t key) {
  uint64_t hash = lab_hash_u64(key);
  const answer *known = find_answer(hash, key);
  if (known)
    return known;
  lab_symbol found[LAB_SYMBOL_INLINES];
  size_t n = resolve_key(key, found);
  lab_symbol *kept = lab_intern_alloc(&cache.pool, n * sizeof *kept);
  memcpy(kept, found, n * sizeof *kept);
  uint32_t id = ++cache.count;
  answer *a = lab_shelf_make(&cache.shelf, id - 1);
  *a = (answer){key, kept, n};
  lab_intern_add(&cache.table, hash, id);
  return a;
}

size_t lab_symbols_lookup(lab_frame frame, bool leaf,
                          lab_symbol out[LAB_SYMBOL_INLINES]) {
  uint64_t key = leaf || frame == 0 ? frame : frame - 1;
  if (lab_frame_is_script(frame)) {
    const lab_func *f = lab_func_get(lab_frame_func(frame));
    size_t left_out = lab_frame_count_left_out(frame);
    if (f && f->kind == LAB_FUNC_LUA)
      return resolve_lua(f, lab_frame_line(frame), out);
    if (left_out > 0)
      return resolve_left_out(left_out, out);
    key = lab_frame_script(lab_frame_func(frame), 0);
  }
  pthread_mutex_lock(&cache.lock);
  const answer *a = find_or_resolve(key);
  memcpy(out, a->symbols, a->n * sizeof *out);
  size_t n = a->n;
  pthread_mutex_unlock(&cache.lock);
  return n;
}

size_t lab_symbols_peek(uintptr_t pc, lab_symbol out[LAB_SYMBOL_INLINES]) {
  size_t n = 0;
  pthread_mutex_lock(&cache.lock);
  const answer *a = find_answer(lab_hash_u64(pc), pc);
  if (a) {
    n = a->n;
    memcpy(out, a->symbols, n * sizeof *out);
  } else if (lab_modules_mapping(pc) >= 0) {
    n = resolve_native(pc, out);
  }
  pthread_mutex_unlock(&cache.lock);
  return n > 0 && out[0].mapping >= 0 ? n : 0;
}

size_t lab_symbols_mappings(const lab_mapping **out) {
  pthread_mutex_lock(&cache.lock);
  size_t n = lab_modules_mappings(out);
  pthread_mutex_unlock(&cache.lock);
  return n;
}
