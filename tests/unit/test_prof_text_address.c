/* SPDX-License-Identifier: MIT
 * The names of addresses, as /debug/pprof/symbol tells them to anybody: also of
 * numbers that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>

#include "base/clock.h"
#include "prof/text_address.h"
#include "stack/stack.h"
#include "stack/unwind.h"

__attribute__((noinline)) void own_function(void);
__attribute__((noinline)) void own_function(void) {
  __asm__ volatile("");
}

static int setup(void **state) {
  (void)state;
  return lab_unwind_init();
}

static void check_name(uint64_t address, const char *want) {
  lab_buf name = LAB_BUF_INIT;
  assert_int_equal(lab_text_name(address, &name), want != NULL);
  lab_buf_putc(&name, '\0');
  assert_string_equal(name.data, want ? want : "");
  lab_buf_free(&name);
}

static void addresses_have_names(void **state) {
  (void)state;
  lab_frame lua = lab_frame_script(lab_func_pseudo("lua.allocate"), 0);
  check_name(lab_text_address(lua, false), "lua.allocate");
  check_name(lua ^ LAB_TEXT_LOW, "lua.allocate");
  check_name((uintptr_t)own_function, "own_function");
  check_name((uintptr_t)dlsym(RTLD_DEFAULT, "qsort"), "qsort");
  check_name(lab_frame_left_out(7), "[... 7 frames left out ...]");
  check_name(lab_frame_left_out(7) ^ LAB_TEXT_LOW,
             "[... 7 frames left out ...]");
  check_name(0, NULL);
  check_name(1, NULL);
  check_name(lab_frame_script(0x7fffff, 1), NULL);
}

/* A library is found though it was loaded after an unknown address was asked
 * for. */
static void later_libraries_have_names(void **state) {
  (void)state;
  check_name(1, NULL);
  void *library = dlopen("libresolv.so.2", RTLD_LAZY);
  assert_non_null(library);
  check_name((uintptr_t)dlsym(library, "__p_query"), "__p_query");
}

static void ask_for_names(unsigned first, unsigned end, lab_buf *name) {
  uintptr_t in_libc = (uintptr_t)dlsym(RTLD_DEFAULT, "qsort");
  uintptr_t own = (uintptr_t)own_function;
  for (unsigned i = first; i < end; i++) {
    lab_buf_clear(name);
    assert_true(lab_text_name(lab_frame_left_out(i), name));
    assert_false(lab_text_name(i, name));
    lab_text_name(in_libc + i % 64, name);
    lab_text_name(own + i % 4, name);
  }
}

/* But for what is found out once: what is mapped, and the functions that are
 * there. */
static void they_take_no_memory(void **state) {
  lab_buf name = LAB_BUF_INIT;
  (void)state;
  ask_for_names(2, 66, &name);
  size_t before = lab_stack_bytes();
  ask_for_names(66, 20000, &name);
  lab_buf_free(&name);
  assert_int_equal(lab_stack_bytes(), before);
}

/* To look at all that is mapped takes 100 us. */
static void unknown_ones_are_cheap(void **state) {
  lab_buf name = LAB_BUF_INIT;
  (void)state;
  assert_true(lab_text_name((uintptr_t)own_function, &name));
  uint64_t before = lab_clock_thread_cpu();
  for (unsigned i = 1; i <= 100000; i++)
    assert_false(lab_text_name(i, &name));
  assert_true(lab_clock_thread_cpu() - before < 3 * LAB_SECOND);
  lab_buf_free(&name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_have_names),
      cmocka_unit_test(later_libraries_have_names),
      cmocka_unit_test(they_take_no_memory),
      cmocka_unit_test(unknown_ones_are_cheap),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
