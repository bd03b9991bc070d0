/* SPDX-License-Identifier: MIT
 * Errors with a text for the user.
 *
 * Functions return 0 or a negative errno, as libuv's do. Where the number
 * alone would leave the user guessing, they take a lab_err as last argument
 * and write one sentence into it: what failed, on what, and why. It may be
 * NULL. Nothing is written on success. */
#ifndef LAB_BASE_ERR_H
#define LAB_BASE_ERR_H

typedef struct lab_err {
  char text[1024];
} lab_err;

/* Writes the sentence and returns CODE, so that a caller can say
 * return lab_err_set(err, -EINVAL, "bad address %s", s); */
int lab_err_set(lab_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Aborts unless E holds, and prints E and its place in the source. It is for
 * states that only a mistake in our own code can cause, and stays in release
 * builds. */
#define LAB_ASSERT(e)                                                          \
  ((e) ? (void)0 : lab_assert_failed(#e, __FILE__, __LINE__))
_Noreturn void lab_assert_failed(const char *what, const char *file, int line);

#endif
