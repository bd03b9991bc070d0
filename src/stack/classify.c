/* SPDX-License-Identifier: MIT
 * See classify.h.
 *
 * A function that other files of Lua use tells its part by its name: luaH_ is
 * the table, luaS_ the string, luaL_ the auxiliary library. For a static
 * function, the linker keeps the name of its file; for others it doesn't. So
 * first the file's stem is looked up, then the prefix of the name. (Debian's
 * static library says "lgc.o" where others say "lgc.c".) */
#include "stack/classify.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char in_table[] = "[lua table]", in_string[] = "[lua string]",
                  in_concat[] = "[lua concat]", in_parser[] = "[lua parser]";

typedef struct part {
  const char *stem;   /* of the source file */
  const char *prefix; /* of its shared functions */
  lab_code code;
  const char *pseudo;
} part;

static const part parts[] = {
    {"lapi", "lua_", LAB_CODE_LUA_CORE, NULL},
    {"lcode", "luaK_", LAB_CODE_LUA_CORE, in_parser},
    {"ldebug", "luaG_", LAB_CODE_LUA_CORE, NULL},
    {"ldo", "luaD_", LAB_CODE_LUA_CALL, NULL},
    {"ldump", "luaU_", LAB_CODE_LUA_CORE, NULL},
    {"lfunc", "luaF_", LAB_CODE_LUA_CORE, NULL},
    {"lgc", "luaC_", LAB_CODE_LUA_GC, NULL},
    {"llex", "luaX_", LAB_CODE_LUA_CORE, in_parser},
    {"lmem", "luaM_", LAB_CODE_LUA_CORE, NULL},
    {"lobject", "luaO_", LAB_CODE_LUA_CORE, NULL},
    {"lopcodes", "luaP_", LAB_CODE_LUA_CORE, NULL},
    {"lparser", "luaY_", LAB_CODE_LUA_CORE, in_parser},
    {"lstate", "luaE_", LAB_CODE_LUA_CORE, NULL},
    {"lstring", "luaS_", LAB_CODE_LUA_CORE, in_string},
    {"ltable", "luaH_", LAB_CODE_LUA_CORE, in_table},
    {"ltm", "luaT_", LAB_CODE_LUA_CORE, NULL},
    {"lundump", "luaU_", LAB_CODE_LUA_CORE, NULL},
    {"lvm", "luaV_", LAB_CODE_LUA_CORE, NULL},
    {"lzio", "luaZ_", LAB_CODE_LUA_CORE, NULL},
    {"lauxlib", "luaL_", LAB_CODE_LUA_LIB, NULL},
    {"linit", "luaopen_", LAB_CODE_LUA_LIB, NULL},
    {"lbaselib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"lcorolib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"ldblib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"liolib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"lmathlib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"loadlib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"loslib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"lstrlib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"ltablib", NULL, LAB_CODE_LUA_LIB, NULL},
    {"lutf8lib", NULL, LAB_CODE_LUA_LIB, NULL},
};

/* Ours, in place of parts of lstrlib. */
static const part own_parts[] = {
    {"pattern", "lab_pattern_", LAB_CODE_LUA_LIB, NULL},
    {"stringlib", "lab_stringlib_", LAB_CODE_LUA_LIB, NULL},
};

/* Functions that don't belong to the part their file belongs to. */
static const struct {
  const char *symbol;
  lab_code_kind kind;
} exceptions[] = {
    {"luaV_execute", {LAB_CODE_LUA_VM, NULL}},
    {"luaV_concat", {LAB_CODE_LUA_CORE, in_concat}},
    {"copy2buff", {LAB_CODE_LUA_CORE, in_concat}},
    /* what lies between a function and the one it calls */
    {"luaV_finishOp", {LAB_CODE_LUA_CALL, NULL}},
    {"lua_callk", {LAB_CODE_LUA_CALL, NULL}},
    {"lua_pcallk", {LAB_CODE_LUA_CALL, NULL}},
    {"lua_resume", {LAB_CODE_LUA_CALL, NULL}},
    {"lua_error", {LAB_CODE_LUA_CALL, NULL}},
    {"f_call", {LAB_CODE_LUA_CALL, NULL}},
    {"luaT_callTM", {LAB_CODE_LUA_CALL, NULL}},
    {"luaT_callTMres", {LAB_CODE_LUA_CALL, NULL}},
    {"luaG_traceexec", {LAB_CODE_LUA_CALL, NULL}},
    {"luaF_close", {LAB_CODE_LUA_CALL, NULL}},
    /* in ldo.c, but they manage the stack, or parse */
    {"luaD_growstack", {LAB_CODE_LUA_CORE, NULL}},
    {"luaD_shrinkstack", {LAB_CODE_LUA_CORE, NULL}},
    {"luaD_reallocstack", {LAB_CODE_LUA_CORE, NULL}},
    {"luaD_inctop", {LAB_CODE_LUA_CORE, NULL}},
    {"f_parser", {LAB_CODE_LUA_CORE, in_parser}},
    /* in lgc.c, but they make objects or note them: they don't collect */
    {"luaC_newobj", {LAB_CODE_LUA_CORE, NULL}},
    {"luaC_newobjdt", {LAB_CODE_LUA_CORE, NULL}},
    {"luaC_barrier_", {LAB_CODE_LUA_CORE, NULL}},
    {"luaC_barrierback_", {LAB_CODE_LUA_CORE, NULL}},
    {"luaC_fix", {LAB_CODE_LUA_CORE, NULL}},
    {"luaC_checkfinalizer", {LAB_CODE_LUA_CORE, NULL}},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* True if NAME up to its first dot is WORD: "freeobj.cold" is freeobj. */
static bool is_stem(const char *name, const char *word) {
  size_t len = strlen(word);
  return strncmp(name, word, len) == 0 &&
         (name[len] == '\0' || name[len] == '.');
}

static const part *find_part(const part *list, size_t n, const char *file,
                             const char *symbol) {
  for (size_t i = 0; i < n; i++)
    if (file ? is_stem(file, list[i].stem)
             : list[i].prefix &&
                   strncmp(symbol, list[i].prefix, strlen(list[i].prefix)) == 0)
      return &list[i];
  return NULL;
}

/* All of Lua's files and functions have names that begin with 'l', so most of
 * ours, and nearly all of a library's, need no long search. */
static const part *part_of(const char *file, const char *symbol) {
  const part *found = NULL;
  if (file && file[0] == 'l')
    found = find_part(parts, COUNT(parts), file, symbol);
  else if (file)
    found = find_part(own_parts, COUNT(own_parts), file, symbol);
  if (found)
    return found;
  if (strncmp(symbol, "lua", 3) == 0)
    return find_part(parts, COUNT(parts), NULL, symbol);
  return strncmp(symbol, "lab_", 4) == 0
             ? find_part(own_parts, COUNT(own_parts), NULL, symbol)
             : NULL;
}

lab_code_kind lab_code_classify(const char *file, const char *symbol) {
  /* A replacement for a function of Lua (ld --wrap) counts as that function. */
  static const char wrap[] = "__wrap_";
  if (strncmp(symbol, wrap, sizeof wrap - 1) == 0)
    return lab_code_classify(NULL, symbol + sizeof wrap - 1);
  if (file && strrchr(file, '/'))
    file = strrchr(file, '/') + 1;
  const part *p = part_of(file, symbol);
  if (!p)
    return (lab_code_kind){LAB_CODE_OWN, NULL};
  if (p->code != LAB_CODE_LUA_LIB)
    for (size_t i = 0; i < COUNT(exceptions); i++)
      if (is_stem(symbol, exceptions[i].symbol))
        return exceptions[i].kind;
  return (lab_code_kind){p->code, p->pseudo};
}
