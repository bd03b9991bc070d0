/* SPDX-License-Identifier: MIT
 * Names, files and lines of frames of every kind, and what is mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stack/sources.h"
#include "stack/stack.h"
#include "stack/symbols.h"
#include "stack/unwind.h"

#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

static lab_symbol out[LAB_SYMBOL_INLINES];

static int setup(void **state) {
  (void)state;
  return lab_unwind_init();
}

/* ---- our own code, with what was inlined
 * ------------------------------------------ */

static lab_frame here;

NOINLINE void take_return_address(void);
NOINLINE void take_return_address(void) {
  here = (lab_frame)(uintptr_t)__builtin_return_address(0);
}

/* clang-format off: the lines are compared */
enum { INNER = __LINE__ + 1 };
INLINE void inner(void) {
  take_return_address();
  __asm__ volatile("");
}
enum { MIDDLE = __LINE__ + 1 };
INLINE void middle(void) {
  inner();
}
enum { OUTER = __LINE__ + 2 };
NOINLINE void outer(void);
NOINLINE void outer(void) {
  middle();
}
/* clang-format on */

static void check(const lab_symbol *s, const char *name, int start, int line) {
  assert_string_equal(s->name, name);
  assert_string_equal(s->file, __FILE__);
  assert_int_equal(s->start_line, start);
  assert_int_equal(s->line, line);
  assert_int_equal(s->mapping, 0);
  assert_int_equal(s->address, here - 1);
}

static void test_inline_chain(void **state) {
  (void)state;
  outer();
  for (int again = 0; again < 2; again++) { /* read, then cached */
    memset(out, 0, sizeof out);
    assert_int_equal(lab_symbols_lookup(here, false, out), 3);
    check(&out[0], "inner", INNER, INNER + 1);
    check(&out[1], "middle", MIDDLE, MIDDLE + 1);
    check(&out[2], "outer", OUTER, OUTER + 1);
  }
}

static void test_leaf_and_return_address(void **state) {
  (void)state;
  /* The byte before a function belongs to something else. */
  lab_frame start = (uintptr_t)outer;
  lab_symbols_lookup(start, true, out);
  assert_int_equal(out[0].address, start);
  assert_string_equal(out[0].name, "outer");
  lab_symbols_lookup(start + 1, false, out);
  assert_int_equal(out[0].address, start);
  assert_string_equal(out[0].name, "outer");
}

/* ---- libraries
 * ------------------------------------------------------------------------ */

static const char *name_of(void *address) {
  assert_int_equal(lab_symbols_lookup((uintptr_t)address, true, out), 1);
  return out[0].name;
}

static void *in_libc(const char *name) {
  void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  assert_non_null(libc);
  void *address = dlsym(libc, name);
  assert_non_null(address);
  dlclose(libc);
  return address;
}

static void test_libc(void **state) {
  (void)state;
  assert_string_equal(name_of(in_libc("qsort")), "qsort");
  assert_int_equal(out[0].line, 0);
  assert_string_equal(out[0].file, "");
  const lab_mapping *mappings;
  size_t n = lab_symbols_mappings(&mappings);
  assert_in_range(out[0].mapping, 1, n - 1);
  const lab_mapping *m = &mappings[out[0].mapping];
  assert_non_null(strstr(m->file, "/libc.so.6"));
  assert_true(out[0].address >= m->start && out[0].address < m->limit);
}

static void test_names_chosen_at_run_time(void **state) {
  (void)state;
  assert_string_equal(name_of(in_libc("memcpy")), "memcpy");
  assert_string_equal(name_of((char *)in_libc("memcpy") + 5), "memcpy");
  assert_string_equal(name_of(in_libc("strlen")), "strlen");
  assert_string_equal(name_of(in_libc("memset")), "memset");
}

static void test_vdso(void **state) {
  (void)state;
  void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (!vdso)
    skip();
  void *address = dlsym(vdso, "__vdso_clock_gettime");
  if (!address)
    skip();
  assert_string_equal(name_of(address), "clock_gettime");
  const lab_mapping *mappings;
  lab_symbols_mappings(&mappings);
  assert_string_equal(mappings[out[0].mapping].file, "[vdso]");
}

static void test_no_symbol(void **state) {
  (void)state;
  const lab_mapping *mappings;
  size_t n = lab_symbols_mappings(&mappings);
  for (size_t i = 0; i < n; i++)
    if (strstr(mappings[i].file, "/libc.so.6")) {
      /* the last bytes of the mapping are padding */
      assert_string_equal(name_of((void *)(mappings[i].limit - 1)),
                          "[libc.so.6]");
      assert_int_equal(out[0].mapping, i);
      return;
    }
  fail_msg("libc is not mapped");
}

static void test_no_code_at_all(void **state) {
  (void)state;
  assert_string_equal(name_of(NULL), "[unknown]");
  assert_int_equal(out[0].mapping, -1);
  lab_symbols_lookup(0, false, out);
  assert_string_equal(out[0].name, "[unknown]");
}

/* Where the file PATH is mapped first. */
static uintptr_t find_mapped(const char *path) {
  char line[512];
  unsigned long start = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  while (start == 0 && fgets(line, sizeof line, f))
    if (strstr(line, path))
      sscanf(line, "%lx", &start);
  fclose(f);
  return start;
}

/* Loads a library that nobody has, and maps the first page of its file right in
 * front of it. Where there is no room, as the library lies in a gap that is
 * just large enough, that gap is made useless, and the library loaded again. */
static void *load_with_page(size_t page, void **beside) {
  for (int i = 0; i < 50; i++) {
    void *library = dlopen("libresolv.so.2", RTLD_LAZY);
    assert_non_null(library);
    Dl_info info;
    assert_true(dladdr(dlsym(library, "__p_query"), &info));
    uintptr_t start = find_mapped("/libresolv.so.2");
    assert_int_equal(start, (uintptr_t)info.dli_fbase);
    int fd = open(info.dli_fname, O_RDONLY);
    *beside = mmap((void *)(start - page), page, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
    close(fd);
    if (*beside != MAP_FAILED)
      return library;
    dlclose(library);
    mmap((void *)start, page, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  }
  fail_msg("there is no room in front of the library");
  return NULL;
}

/* A reader of a library's file has it mapped, right in front of the library:
 * its functions have their names all the same. (The first test, because later
 * on the modules are known.) */
static void test_file_mapped_beside(void **state) {
  (void)state;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *beside, *library = load_with_page(page, &beside);
  assert_string_equal(name_of(dlsym(library, "__p_query")), "__p_query");
  assert_string_equal(name_of(dlsym(library, "__p_rcode")), "__p_rcode");
  munmap(beside, page);
}

/* Now there are modules that aren't known yet. */
static void test_library_loaded_later(void **state) {
  (void)state;
  const lab_mapping *mappings;
  lab_symbols_mappings(&mappings);
  void *library = dlopen("libm.so.6", RTLD_NOW);
  assert_non_null(library);
  assert_string_equal(name_of(dlsym(library, "cbrt")), "cbrt");
  assert_true(out[0].mapping > 0);
  assert_non_null(strstr(mappings[out[0].mapping].file, "/libm.so.6"));
}

/* ---- mappings
 * -------------------------------------------------------------------------- */

static void test_mappings(void **state) {
  (void)state;
  const lab_mapping *mappings;
  size_t n = lab_symbols_mappings(&mappings);
  char exe[4096] = "";
  assert_true(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0);
  assert_true(n >= 2);
  assert_string_equal(mappings[0].file, exe);
  uintptr_t pc = (uintptr_t)outer;
  assert_true(pc >= mappings[0].start && pc < mappings[0].limit);
  assert_int_equal(mappings[0].offset % 4096, 0);
  for (size_t i = 0; i < n; i++)
    assert_int_equal(strspn(mappings[i].build_id, "0123456789abcdef"),
                     strlen(mappings[i].build_id));
}

/* ---- script frames
 * ----------------------------------------------------------------------- */

static void test_lua_function(void **state) {
  (void)state;
  const char text[] = "\nlocal function leakMemory()\nend";
  lab_sources_register("@/l/s.lua", "leak", "/l/s.lua", text, strlen(text));
  uint32_t id = lab_func_lua("@/l/s.lua", 9, 2, 0);
  lab_frame frame = lab_frame_script(id, 3);
  assert_int_equal(lab_symbols_lookup(frame, true, out), 1);
  assert_string_equal(out[0].name, "leak.leakMemory");
  assert_string_equal(out[0].file, "/l/s.lua");
  assert_int_equal(out[0].start_line, 2);
  assert_int_equal(out[0].line, 3);
  assert_int_equal(out[0].mapping, -1);
  assert_int_equal(out[0].address, 0);
}

static void test_c_function(void **state) {
  (void)state;
  uint32_t id = lab_func_c((const void *)outer, "lab.outer", false);
  lab_frame frame = lab_frame_script(id, 0);
  assert_int_equal(lab_symbols_lookup(frame, false, out), 1);
  assert_string_equal(out[0].name, "lab.outer");
  assert_string_equal(out[0].file, __FILE__);
  assert_int_equal(out[0].start_line, OUTER);
  assert_int_equal(out[0].line, OUTER);
  assert_int_equal(out[0].mapping, -1);
}

static void test_pseudo_function(void **state) {
  (void)state;
  lab_frame frame = lab_frame_script(lab_func_pseudo("[lua gc]"), 0);
  assert_int_equal(lab_symbols_lookup(frame, false, out), 1);
  assert_string_equal(out[0].name, "[lua gc]");
  assert_string_equal(out[0].file, "");
  lab_symbols_lookup(lab_frame_script(999999, 0), false, out);
  assert_string_equal(out[0].name, "[unknown]");
}

/* ---- threads
 * ------------------------------------------------------------------------------
 */

static void *look_up(void *arg) {
  size_t *bad = arg;
  lab_symbol mine[LAB_SYMBOL_INLINES];
  for (uintptr_t pc = (uintptr_t)outer; pc < (uintptr_t)outer + 16; pc++) {
    size_t n = lab_symbols_lookup(pc, true, mine);
    *bad += n == 0 || mine[0].address != pc;
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[4];
  size_t bad[4] = {0};
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, look_up, &bad[i]), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(bad[i], 0);
  }
}

/* Of all code of this program, whatever the compiler has moved where. */
static void no_line_is_before_its_function(void **state) {
  extern char __executable_start, etext;
  size_t known = 0;
  (void)state;
  for (char *at = &__executable_start; at < &etext; at += 8) {
    size_t n = lab_symbols_lookup((lab_frame)(uintptr_t)at, true, out);
    for (size_t i = 0; i < n; i++) {
      if (out[i].line > 0 && out[i].line < out[i].start_line)
        fail_msg("%s begins at %d, and has a sample at %d", out[i].name,
                 out[i].start_line, out[i].line);
      known += out[i].line > 0;
    }
  }
  assert_true(known > 1000);
}

/* A library has thousands of names. Only those that are asked for are kept: so
 * this has to be the first test. */
static void names_take_memory_when_asked_for(void **state) {
  (void)state;
  size_t before = lab_stack_bytes();
  lab_frame in_libc = (uintptr_t)dlsym(RTLD_DEFAULT, "qsort");
  assert_true(lab_symbols_lookup(in_libc, true, out) > 0);
  assert_string_equal(out[0].name, "qsort");
  assert_true(lab_stack_bytes() - before < 32 << 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_take_memory_when_asked_for),
      cmocka_unit_test(no_line_is_before_its_function),
      cmocka_unit_test(test_file_mapped_beside),
      cmocka_unit_test(test_inline_chain),
      cmocka_unit_test(test_leaf_and_return_address),
      cmocka_unit_test(test_libc),
      cmocka_unit_test(test_names_chosen_at_run_time),
      cmocka_unit_test(test_vdso),
      cmocka_unit_test(test_no_symbol),
      cmocka_unit_test(test_no_code_at_all),
      cmocka_unit_test(test_library_loaded_later),
      cmocka_unit_test(test_mappings),
      cmocka_unit_test(test_lua_function),
      cmocka_unit_test(test_c_function),
      cmocka_unit_test(test_pseudo_function),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
