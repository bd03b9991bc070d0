/* SPDX-License-Identifier: MIT
 * See leaf_code.h.
 *
 * The innermost frames say it: code of the C library, then a function of Lua's
 * that is known to be of this kind. Lua's allocator is code of the lab's, so
 * while a block is made, moved or freed the answer is no. */
#include "vm/leaf_code.h"

#include <link.h>
#include <stdint.h>
#include <string.h>

#include "stack/unwind.h"
#include "vm/long_key.h"
#include "vm/rehash.h"

enum { MAX_RANGES = 16, LEAVES_OF_STRTOD = 4, LEAVES_OF_MEMMEM = 3 };

/* Executable parts of libraries. */
static struct {
  uintptr_t start, end;
  bool libc;
} ranges[MAX_RANGES];
static size_t nranges;

/* ---- libraries ----------------------------------------------------------- */

static bool begins_with(const char *text, const char *word) {
  return strncmp(text, word, strlen(word)) == 0;
}

static bool is_one_of(const char *name, const char *const *list) {
  size_t len = strcspn(name, "."); /* "f.part.0" is f */
  for (; *list; list++)
    if (strlen(*list) == len && memcmp(name, *list, len) == 0)
      return true;
  return false;
}

static int note_library(struct dl_phdr_info *info, size_t size, void *arg) {
  static const char *const known[] = {"libc",
                                      "libm",
                                      "libjemalloc",
                                      "ld-linux-x86-64",
                                      "ld-linux-aarch64",
                                      "linux-vdso",
                                      "libuv",
                                      "libasan",
                                      "libtsan",
                                      NULL};
  (void)size;
  (void)arg;
  const char *slash = strrchr(info->dlpi_name, '/');
  const char *name = slash ? slash + 1 : info->dlpi_name;
  for (size_t i = 0; i < info->dlpi_phnum && nranges < MAX_RANGES; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (!is_one_of(name, known) || part->p_type != PT_LOAD ||
        !(part->p_flags & PF_X))
      continue;
    ranges[nranges].start = info->dlpi_addr + part->p_vaddr;
    ranges[nranges].end = ranges[nranges].start + part->p_memsz;
    ranges[nranges++].libc = begins_with(name, "libc.so");
  }
  return 0;
}

void lab_leaf_code_init(void) {
  nranges = 0;
  dl_iterate_phdr(note_library, NULL);
}

/* ---- frames -------------------------------------------------------------- */

/* An address inside the instruction of the frame I of NATIVE. */
static uintptr_t get_frame_pc(const lab_frame *native, size_t i) {
  return (uintptr_t)native[i] - (i > 0);
}

static bool is_in_library(uintptr_t pc, bool libc) {
  for (size_t i = 0; i < nranges; i++)
    if (pc >= ranges[i].start && pc < ranges[i].end)
      return ranges[i].libc || !libc;
  return false;
}

bool lab_leaf_code_is_known(const lab_frame *native, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uintptr_t pc = get_frame_pc(native, i);
    lab_code code = lab_code_class(pc);
    if (lab_frame_is_script(native[i])) /* others are left out */
      continue;
    if (code == LAB_CODE_LOADED ||
        (code == LAB_CODE_OTHER && !is_in_library(pc, false)))
      return false;
  }
  return true;
}

static size_t count_libc_leaves(const lab_frame *native, size_t n) {
  size_t i = 0;
  while (i < n && is_in_library(get_frame_pc(native, i), true))
    i++;
  return i;
}

/* These copy into a buffer, and only the copying takes long. */
static bool is_buffer_function(uintptr_t pc) {
  static const char *const list[] = {"luaL_addlstring", "luaL_addvalue", NULL};
  const char *name = lab_code_name(pc, NULL);
  return name && is_one_of(name, list);
}

/* The auxiliary library is not of this kind: it changes buffers' boxes, and it
 * writes stack traces in message handlers. */
static bool is_library_function(uintptr_t pc, const char *name) {
  static const char *const auxiliary[] = {"resizebox",
                                          "boxgc",
                                          "prepbuffsize",
                                          "findfield",
                                          "pushglobalfuncname",
                                          "pushfuncname",
                                          "getF",
                                          "getS",
                                          "skipcomment",
                                          "errfile",
                                          NULL};
  return lab_code_class(pc) == LAB_CODE_LUA_LIB &&
         !begins_with(name, "luaL_") && !is_one_of(name, auxiliary);
}

/* LEAVES frames of the C library lie on top of the one at PC. For a number
 * that is written out it may hold memory, but it does so further in. */
static bool is_pure_function(uintptr_t pc, size_t leaves) {
  static const char *const core[] = {"luaV_concat",    "copy2buff",
                                     "l_strcmp",       "luaV_lessthan",
                                     "luaV_lessequal", NULL};
  static const char *const numbers[] = {"luaO_str2num", "l_str2int", "l_str2d",
                                        "l_str2dloc", NULL};
  static const char *const searches[] = {"search_plain", "find_plain",
                                         "find_or_match", "string_find", NULL};
  const char *name = lab_code_name(pc, NULL);
  if (!name)
    return false;
  if (is_one_of(name, numbers))
    return leaves <= LEAVES_OF_STRTOD;
  if (is_one_of(name, searches)) /* by memmem */
    return leaves <= LEAVES_OF_MEMMEM;
  return leaves <= 1 &&
         (is_one_of(name, core) || is_library_function(pc, name));
}

/* The callers of a pure function must be Lua's: the lab's own code may hold
 * what has to be given back. */
static bool is_lua_caller(uintptr_t pc) {
  lab_code code = lab_code_class(pc);
  return code == LAB_CODE_LUA_LIB || code == LAB_CODE_LUA_CORE;
}

static bool are_lua_callers(const lab_frame *native, size_t from, size_t n) {
  for (size_t i = from; i < n; i++)
    if (!is_lua_caller(get_frame_pc(native, i)))
      return false;
  return true;
}

static bool is_frame_of(const lab_frame *native, size_t i,
                        const char *const *list) {
  const char *name = lab_code_name(get_frame_pc(native, i), NULL);
  return name && is_one_of(name, list);
}

static bool is_pure_stack(const lab_frame *native, size_t n) {
  size_t leaves = count_libc_leaves(native, n), i = leaves;
  while (leaves > 0 && i < n && is_buffer_function(get_frame_pc(native, i)))
    i++;
  if (i == n || !is_pure_function(get_frame_pc(native, i), leaves))
    return false;
  return are_lua_callers(native, i + 1, n);
}

/* In a search for a key of a table that is being moved: see rehash.h. */
static bool is_rehash_stack(const lab_frame *native, size_t n) {
  static const char *const search[] = {
      "luaH_get", "luaH_getint",   "getgeneric", "luaH_getshortstr",
      "luaH_set", "luaS_eqlngstr", NULL};
  static const char *const moving[] = {
      "luaH_newkey",      "rehash", "luaH_finishset", "luaH_set", "luaH_setint",
      "luaH_resizearray", NULL};
  size_t leaves = count_libc_leaves(native, n), i = leaves;
  while (i < n && is_frame_of(native, i, search))
    i++;
  if (leaves > 1 || i == leaves || i == n ||
      !is_frame_of(native, i, (const char *const[]){"luaH_resize", NULL}))
    return false;
  for (i++; i < n && is_frame_of(native, i, moving); i++)
    ;
  const char *name =
      i < n ? lab_code_name(get_frame_pc(native, i), NULL) : NULL;
  return name && lab_rehash_is_noted(name) && are_lua_callers(native, i + 1, n);
}

/* While a long string gets its hash: see long_key.h. */
static bool is_hash_stack(const lab_frame *native, size_t n) {
  static const char *const hash[] = {"luaS_hashlongstr", NULL};
  const char *const noted[] = {lab_long_key_noted, NULL};
  return n > 2 && is_frame_of(native, 0, hash) &&
         is_frame_of(native, 1, noted) && are_lua_callers(native, 2, n);
}

bool lab_leaf_code_may_raise(const void *ucontext) {
#ifdef __SANITIZE_THREAD__ /* it calls handlers later, from elsewhere */
  (void)ucontext;
  return false;
#else
  lab_frame native[LAB_UNWIND_MAX];
  lab_code stopped = LAB_CODE_OTHER;
  size_t n =
      lab_unwind_signal(ucontext, native, LAB_UNWIND_MAX, true, &stopped);
  if (stopped == LAB_CODE_OTHER)
    return false;
  return is_pure_stack(native, n) ||
         (is_hash_stack(native, n) && lab_long_key_give_up()) ||
         (is_rehash_stack(native, n) && lab_rehash_give_up());
#endif
}
