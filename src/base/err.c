/* SPDX-License-Identifier: MIT
 * See err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int lab_err_set(lab_err *err, int code, const char *format, ...) {
  if (err) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
  }
  return code;
}

void lab_assert_failed(const char *what, const char *file, int line) {
  fprintf(stderr, "diaglab: %s:%d: this must hold: %s\n", file, line, what);
  abort();
}
