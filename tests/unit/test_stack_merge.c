/* SPDX-License-Identifier: MIT
 * Native frames on Lua frames. This program has no Lua in it: instead it has
 * functions with the names of Lua's, because the code map knows only names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stack/classify.h"
#include "stack/codemap.h"
#include "stack/merge.h"
#include "stack/stack.h"
#include "stack/symbols.h"

/* Different bodies, so that the compiler can't fold them into one. */
#define FUNCTION(name, value)                                                  \
  int name(void);                                                              \
  __attribute__((noinline)) int name(void) {                                   \
    return value;                                                              \
  }
FUNCTION(luaV_execute, 1)
FUNCTION(luaD_precall, 2)
FUNCTION(luaV_concat, 3)
FUNCTION(luaS_new, 4)
FUNCTION(luaH_resize, 5)
FUNCTION(luaM_malloc_, 6)
FUNCTION(luaC_step, 7)
FUNCTION(luaC_newobj, 8)
FUNCTION(luaY_parser, 9)
FUNCTION(luaL_addlstring, 10)
FUNCTION(luaL_rep, 11) /* plays string.rep */
FUNCTION(lua_pushlstring, 12)
FUNCTION(copy_n, 13) /* plays lab.copy_n */
FUNCTION(buffer_grow, 14)
FUNCTION(our_free, 15)
FUNCTION(plumbing, 16) /* registered as hidden */
FUNCTION(luaV_equalobj, 17)

enum { OTHER = 4096 }; /* an address that is in no executable */

static uint32_t string_rep, lab_copy_n, lua_main, hidden;

static int setup(void **state) {
  (void)state;
  if (lab_codemap_init() != 0)
    return -1;
  string_rep = lab_func_c((const void *)luaL_rep, "string.rep", false);
  lab_copy_n = lab_func_c((const void *)copy_n, "lab.copy_n", false);
  hidden = lab_func_c((const void *)plumbing, "plumbing", true);
  lua_main = lab_func_lua("@main.lua", 9, 3, 0);
  return 0;
}

/* NATIVE: code addresses, leaf first, 0 at the end. Compares the names of the
 * merged stack with WANT: native ones as the code map has them, "?" for other
 * code, "main.lua" for the Lua frame. */
static void check(const uintptr_t *native, uint32_t top, const char *want) {
  lab_frame frames[16], base[2];
  size_t n = 0, nbase = 0;
  for (; native[n]; n++)
    frames[n] = native[n] + (n > 0); /* as return addresses are */
  if (top)
    base[nbase++] = lab_frame_script(top, 0);
  base[nbase++] = lab_frame_script(lua_main, 5);
  uint32_t id = lab_stack_merge(frames, n, lab_stack_intern(base, nbase));
  const lab_frame *merged;
  size_t count = lab_stack_frames(id, &merged);
  char got[500] = "";
  for (size_t i = 0; i < count; i++) {
    const char *name = "main.lua";
    if (!lab_frame_is_script(merged[i]))
      name = lab_code_name((uintptr_t)merged[i] - (i > 0), NULL);
    else if (lab_frame_func(merged[i]) != lua_main)
      name = lab_func_get(lab_frame_func(merged[i]))->name;
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s",
             i ? " < " : "", name ? name : "?");
  }
  assert_string_equal(got, want);
}

#define NATIVE(...)                                                            \
  (const uintptr_t[]) {                                                        \
    __VA_ARGS__, 0                                                             \
  }
#define AT(f) ((uintptr_t)(f))

static void test_nothing_native(void **state) {
  (void)state;
  check(NATIVE(0), string_rep, "string.rep < main.lua");
  check(NATIVE(0), hidden, "main.lua");
  assert_int_equal(lab_stack_merge(NULL, 0, 0), 0);
}

static void test_library_code(void **state) {
  (void)state;
  check(NATIVE(OTHER, AT(luaL_addlstring), AT(luaL_rep)), string_rep,
        "? < string.rep < main.lua");
  check(NATIVE(AT(luaL_rep)), string_rep, "string.rep < main.lua");
  /* the base doesn't belong to these native frames */
  check(NATIVE(OTHER, AT(luaL_rep)), 0, "? < luaL_rep < main.lua");
}

static void test_core(void **state) {
  (void)state;
  check(NATIVE(AT(luaM_malloc_), AT(luaS_new), AT(luaV_concat)), 0,
        "[lua concat] < main.lua");
  check(NATIVE(OTHER, AT(luaM_malloc_), AT(luaH_resize)), 0,
        "? < [lua table] < main.lua");
  check(NATIVE(AT(luaS_new), AT(lua_pushlstring), AT(luaL_rep)), string_rep,
        "[lua string] < string.rep < main.lua");
  check(NATIVE(AT(luaS_new), AT(lua_pushlstring), AT(copy_n)), lab_copy_n,
        "[lua string] < copy_n < main.lua");
  check(NATIVE(AT(luaS_new), AT(luaY_parser)), 0, "[lua parser] < main.lua");
  check(NATIVE(AT(luaV_equalobj)), 0, "main.lua");
  check(NATIVE(OTHER, AT(luaV_equalobj)), 0, "? < main.lua");
}

static void test_collector(void **state) {
  (void)state;
  check(NATIVE(AT(luaH_resize), AT(luaC_step)), 0, "[lua gc] < main.lua");
  check(NATIVE(AT(luaC_step), AT(luaL_addlstring), AT(luaL_rep)), string_rep,
        "[lua gc] < string.rep < main.lua");
  /* what the collector called stays */
  check(NATIVE(OTHER, AT(our_free), AT(luaM_malloc_), AT(luaC_step),
               AT(luaM_malloc_), AT(luaV_concat)),
        0, "? < our_free < [lua gc] < main.lua");
  check(NATIVE(OTHER, AT(luaL_addlstring), AT(luaC_step), AT(luaL_rep)), 0,
        "? < luaL_addlstring < [lua gc] < luaL_rep < main.lua");
  /* making an object is not collecting */
  check(NATIVE(AT(luaC_newobj), AT(luaS_new)), 0, "[lua string] < main.lua");
}

static void test_our_functions(void **state) {
  (void)state;
  check(NATIVE(OTHER, AT(buffer_grow), AT(copy_n)), lab_copy_n,
        "? < buffer_grow < copy_n < main.lua");
  /* on a worker: the C function itself is on the base only */
  check(NATIVE(OTHER, AT(buffer_grow)), lab_copy_n,
        "? < buffer_grow < lab.copy_n < main.lua");
  check(NATIVE(AT(buffer_grow), AT(plumbing)), 0, "buffer_grow < main.lua");
  check(NATIVE(AT(plumbing)), hidden, "main.lua");
}

static void test_machinery(void **state) {
  (void)state;
  check(NATIVE(OTHER, AT(luaD_precall), AT(luaV_execute)), 0, "? < main.lua");
}

static uint32_t merge_one(uintptr_t pc) {
  lab_frame frame = pc;
  return lab_stack_merge(&frame, 1, 0);
}

static void test_nothing_is_lost(void **state) {
  (void)state;
  const lab_frame *f;
  assert_int_equal(lab_stack_frames(merge_one(AT(luaV_equalobj)), &f), 1);
  assert_string_equal(lab_func_get(lab_frame_func(f[0]))->name, "[lua]");
  assert_int_equal(lab_stack_frames(merge_one(AT(plumbing)), &f), 1);
  assert_int_equal(f[0], AT(plumbing));
}

/* A native frame that becomes the leaf, or no longer is it, still has the name
 * of the same place. */
static void test_leaf_is_an_instruction(void **state) {
  (void)state;
  lab_frame native[] = {AT(luaV_equalobj), AT(buffer_grow) + 1, 0x5001};
  const lab_frame *f;
  uint32_t base = lab_stack_merge(native, 3, 0);
  assert_int_equal(lab_stack_frames(base, &f), 2);
  assert_int_equal(f[0], AT(buffer_grow));
  assert_int_equal(f[1], 0x5001);
  lab_frame leaf = AT(our_free);
  assert_int_equal(lab_stack_frames(lab_stack_merge(&leaf, 1, base), &f), 3);
  assert_int_equal(f[0], AT(our_free));
  assert_int_equal(f[1], AT(buffer_grow) + 1);
  assert_int_equal(f[2], 0x5001);
}

/* Both forms of a C function are one function in a profile. */
static void test_native_frame_has_the_registered_name(void **state) {
  (void)state;
  lab_symbol native[LAB_SYMBOL_INLINES], script[LAB_SYMBOL_INLINES];
  assert_int_equal(lab_symbols_lookup(AT(copy_n), true, native), 1);
  assert_int_equal(
      lab_symbols_lookup(lab_frame_script(lab_copy_n, 0), false, script), 1);
  assert_string_equal(native[0].name, "lab.copy_n");
  assert_string_equal(script[0].name, "lab.copy_n");
  assert_string_equal(native[0].file, script[0].file);
  assert_int_equal(native[0].start_line, script[0].start_line);
}

/* A frame that is no address stays where it is. */
static void test_marks(void **state) {
  (void)state;
  lab_frame main_frame = lab_frame_script(lua_main, 5);
  lab_frame cut = lab_frame_left_out(0);
  const lab_frame native[] = {AT(our_free), AT(buffer_grow) + 1, cut};
  uint32_t id = lab_stack_merge(native, 3, lab_stack_intern(&main_frame, 1));
  const lab_frame *merged;
  assert_int_equal(lab_stack_frames(id, &merged), 4);
  assert_int_equal(merged[1], AT(buffer_grow) + 1);
  assert_int_equal(merged[2], cut);
  assert_int_equal(merged[3], main_frame);
  assert_string_equal(lab_func_get(lab_frame_func(cut))->name,
                      "[... frames left out ...]");
}

static void check_kind(const char *file, const char *symbol, lab_code code,
                       const char *pseudo) {
  lab_code_kind kind = lab_code_classify(file, symbol);
  assert_int_equal(kind.code, code);
  if (pseudo)
    assert_string_equal(kind.pseudo, pseudo);
  else
    assert_null(kind.pseudo);
}

static void test_classes(void **state) {
  (void)state;
  check_kind(NULL, "luaV_execute", LAB_CODE_LUA_VM, NULL);
  check_kind("lvm.c", "luaV_execute.cold", LAB_CODE_LUA_VM, NULL);
  check_kind(NULL, "luaD_call", LAB_CODE_LUA_CALL, NULL);
  check_kind("ldo.o", "unroll", LAB_CODE_LUA_CALL, NULL);
  check_kind("ldo.o", "f_parser", LAB_CODE_LUA_CORE, "[lua parser]");
  check_kind("lapi.o", "f_call", LAB_CODE_LUA_CALL, NULL);
  check_kind(NULL, "lua_pcallk", LAB_CODE_LUA_CALL, NULL);
  check_kind(NULL, "lua_settop", LAB_CODE_LUA_CORE, NULL);
  check_kind("lgc.o", "sweepgen.isra.0", LAB_CODE_LUA_GC, NULL);
  check_kind("/build/src/lgc.c", "freeobj", LAB_CODE_LUA_GC, NULL);
  check_kind(NULL, "luaC_fullgc", LAB_CODE_LUA_GC, NULL);
  check_kind(NULL, "luaC_newobj", LAB_CODE_LUA_CORE, NULL);
  check_kind("ltable.o", "rehash", LAB_CODE_LUA_CORE, "[lua table]");
  check_kind("lvm.o", "copy2buff", LAB_CODE_LUA_CORE, "[lua concat]");
  check_kind("lstrlib.o", "str_rep", LAB_CODE_LUA_LIB, NULL);
  check_kind("lstrlib.o", "luaV_execute", LAB_CODE_LUA_LIB, NULL);
  check_kind(NULL, "luaL_checkversion_", LAB_CODE_LUA_LIB, NULL);
  check_kind(NULL, "luaopen_base", LAB_CODE_LUA_LIB, NULL);
  check_kind("stringlib.c", "string_find", LAB_CODE_LUA_LIB, NULL);
  check_kind("pattern.c", "run_match.part.0", LAB_CODE_LUA_LIB, NULL);
  check_kind(NULL, "lab_pattern_search", LAB_CODE_LUA_LIB, NULL);
  check_kind(NULL, "lab_stringlib_open", LAB_CODE_LUA_LIB, NULL);
  check_kind("patterns.c", "run_match", LAB_CODE_OWN, NULL);
  check_kind("preempt.c", "raise_cancelled", LAB_CODE_OWN, NULL);
  check_kind("preempt.c", "luaV_execute", LAB_CODE_LUA_VM, NULL);
  check_kind(NULL, "lab_lua_look_around", LAB_CODE_OWN, NULL);
  check_kind("lab_lgc.c", "copy_n", LAB_CODE_OWN, NULL);
  check_kind("api.c", "lab_lua_open", LAB_CODE_OWN, NULL);
  check_kind(NULL, "luau_open", LAB_CODE_OWN, NULL);
  check_kind("", "main", LAB_CODE_OWN, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_native),
      cmocka_unit_test(test_library_code),
      cmocka_unit_test(test_core),
      cmocka_unit_test(test_collector),
      cmocka_unit_test(test_our_functions),
      cmocka_unit_test(test_machinery),
      cmocka_unit_test(test_nothing_is_lost),
      cmocka_unit_test(test_leaf_is_an_instruction),
      cmocka_unit_test(test_native_frame_has_the_registered_name),
      cmocka_unit_test(test_marks),
      cmocka_unit_test(test_classes),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
