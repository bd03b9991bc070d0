/* SPDX-License-Identifier: MIT
 * Which part of Lua a function belongs to, told by its names. Pure. Internal to
 * src/stack, but for the type lab_code. */
#ifndef LAB_STACK_CLASSIFY_H
#define LAB_STACK_CLASSIFY_H

typedef enum lab_code {
  LAB_CODE_OTHER = 0, /* not in this executable */
  LAB_CODE_OWN,       /* our C code */
  LAB_CODE_LUA_VM,    /* luaV_execute */
  LAB_CODE_LUA_CALL,  /* what runs between Lua functions: luaD_*, ... */
  LAB_CODE_LUA_CORE,  /* the rest of the core: strings, tables, ... */
  LAB_CODE_LUA_GC,    /* the collector */
  LAB_CODE_LUA_LIB,   /* the standard libraries and lauxlib */
  LAB_CODE_LOADED,    /* C code that was loaded: lab_codemap_add */
} lab_code;

typedef struct lab_code_kind {
  lab_code code;
  /* What students see in place of this part of Lua's core, such as
   * "[lua table]"; NULL if it gets no frame. */
  const char *pseudo;
} lab_code_kind;

/* The kind of the function SYMBOL. FILE is the object file it came from, as
 * STT_FILE has it: "lgc.o", "lgc.c". It is NULL if that isn't known, as for
 * symbols that other files can use. */
lab_code_kind lab_code_classify(const char *file, const char *symbol);

#endif
