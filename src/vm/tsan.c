/* SPDX-License-Identifier: MIT
 * For builds with ThreadSanitizer only. The sanitizer keeps its own stack of
 * calls, and corrects it when it sees a longjmp. But Lua, as Debian compiles
 * it, calls the C library's variant with checks (__longjmp_chk), which the
 * sanitizer doesn't know. So every yield and every error left calls behind, and
 * after some 65,000 of them the program died. The linker sends such jumps here
 * (cmake/LabProgram.cmake). */
typedef int lab_not_empty; /* in other builds there would be nothing */

#ifdef __SANITIZE_THREAD__
#include <setjmp.h>

_Noreturn void __wrap___longjmp_chk(jmp_buf env, int value);

_Noreturn void __wrap___longjmp_chk(jmp_buf env, int value) {
  longjmp(env, value); /* the sanitizer doesn't know _longjmp either */
}

const char *__tsan_default_suppressions(void);

/* libuv closes descriptors by system calls that the sanitizer doesn't see, so
 * the sanitizer takes the next descriptor of the same number for the old one.
 * Files that scenarios open inline are closed by a thread that hasn't heard of
 * the loop's meanwhile. A child that isn't executing its program yet has
 * descriptors of its own, which the sanitizer takes for its parent's. */
const char *__tsan_default_suppressions(void) {
  return "race:closedir$\n"
         "race:set_descriptors$\n"
         "race:lab_file_close$\n"
         "race:lab_file_object_shut$\n";
}
#endif
