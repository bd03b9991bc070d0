/* SPDX-License-Identifier: MIT
 * See own_name.h. A file that somebody has sent may have one very long name for
 * very many functions. So whether a function is meant is found without going to
 * the end of its name. */
#include "diagnosis/own_name.h"

#include <limits.h>
#include <string.h>

/* ".func1": what is before it is the name of the function around it. */
static bool begins_closure(const char *rest) {
  return strncmp(rest, ".func", 5) == 0 && rest[5] >= '0' && rest[5] <= '9';
}

/* Is FUNCTION called NAME, or within the function of that name? */
static bool is_or_within(const char *function, const char *name, size_t len) {
  if (strncmp(function, name, len) != 0)
    return false;
  const char *rest = function + len;
  return *rest == '\0' || begins_closure(rest);
}

/* What is behind the first dot; NULL if the name of no file ends there. */
static const char *skip_file(const char *text) {
  const char *dot = memchr(text, '.', strnlen(text, NAME_MAX));
  return dot ? dot + 1 : NULL;
}

/* The same for FUNCTION of a file, without the file, or with a dot for its
 * slash. */
static bool is_of_file(const char *function, const char *name, size_t len) {
  size_t n = strcspn(name, ".");
  if (n == len || strncmp(function, name, n) != 0 || function[n] != '/')
    return false;
  const char *in_file = skip_file(function + n);
  n++;
  return is_or_within(function + n, name + n, len - n) ||
         (in_file && is_or_within(in_file, name + n, len - n));
}

bool lab_own_name_is(const char *function, const char *name, size_t len) {
  return is_or_within(function, name, len) || is_of_file(function, name, len);
}

const char *lab_own_name_find(const char *frame, const char *scenario,
                              size_t *len) {
  size_t prefix = scenario ? strlen(scenario) : 0;
  if (!scenario || strncmp(frame, scenario, prefix) != 0 ||
      (frame[prefix] != '.' && frame[prefix] != '/'))
    return NULL;
  const char *name = skip_file(frame + prefix);
  if (!name)
    return NULL;
  const char *inner = strstr(name, ".func");
  *len = inner && begins_closure(inner) ? (size_t)(inner - name) : strlen(name);
  return name;
}
