/* SPDX-License-Identifier: MIT
 * See decimal.h. */
#include "base/decimal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static size_t count_decimal_digits(const char *text) {
  return strspn(text, "0123456789");
}

const char *lab_decimal_read(const char *text, double *out) {
  const char *end = text + count_decimal_digits(text);
  bool has_digits = end > text;
  if (*end == '.') {
    size_t fraction = count_decimal_digits(end + 1);
    has_digits = has_digits || fraction > 0;
    end += 1 + fraction;
  }
  if (!has_digits)
    return NULL;
  if (*end == 'e' || *end == 'E') {
    const char *power = end + 1 + (end[1] == '+' || end[1] == '-');
    size_t digits = count_decimal_digits(power);
    if (digits > 0)
      end = power + digits;
  }
  char *stop;
  double value = strtod(text, &stop);
  *out = stop == end ? value : 0; /* of 0x10 it is the 0 */
  return end;
}
