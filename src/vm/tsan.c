/* SPDX-License-Identifier: MIT
 * For builds with ThreadSanitizer only. It keeps a stack of calls of its own,
 * and puts it right when it sees a longjmp. But Lua, as Debian compiles it,
 * calls the C library's variant with checks, which it doesn't know: every yield
 * and every error left calls behind, and after some 65,000 of them the program
 * died. The linker sends such jumps here (cmake/LabProgram.cmake). */
typedef int lab_not_empty; /* in other builds there would be nothing */

#ifdef __SANITIZE_THREAD__
#include <setjmp.h>

_Noreturn void __wrap___longjmp_chk(jmp_buf env, int value);

_Noreturn void __wrap___longjmp_chk(jmp_buf env, int value) {
  longjmp(env, value); /* it doesn't know _longjmp either */
}

const char *__tsan_default_suppressions(void);

/* libuv closes descriptors by system calls that it doesn't see, and then it
 * takes the next one of the same number for the one before. */
const char *__tsan_default_suppressions(void) {
  return "race:^closedir$\n";
}
#endif
