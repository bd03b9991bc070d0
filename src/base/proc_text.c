/* SPDX-License-Identifier: MIT
 * See proc_text.h. */
#include "base/proc_text.h"

#include <stdio.h>
#include <string.h>

/* The fields are read from the third one on: the second is the program's name
 * in parentheses, which may hold spaces and parentheses itself, so the last
 * parenthesis in the text ends it. */
bool lab_proc_parse_stat(const char *text, lab_proc_stat *out) {
  const char *rest = strrchr(text, ')');
  long long threads, ticks, size, pages;
  char state;
  if (!rest ||
      sscanf(rest,
             ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
             "%*d %*d %*d %*d %lld %*d %lld %lld %lld",
             &state, &threads, &ticks, &size, &pages) != 5 ||
      threads < 0 || ticks < 0 || size < 0 || pages < 0)
    return false;
  *out = (lab_proc_stat){(uint64_t)threads, (uint64_t)ticks, (uint64_t)size,
                         (uint64_t)pages, state};
  return true;
}

bool lab_proc_parse_io(const char *text, lab_proc_io *out) {
  long long in, written, reads, writes;
  if (sscanf(text, "rchar: %lld wchar: %lld syscr: %lld syscw: %lld", &in,
             &written, &reads, &writes) != 4 ||
      in < 0 || written < 0 || reads < 0 || writes < 0)
    return false;
  *out = (lab_proc_io){(uint64_t)in, (uint64_t)written, (uint64_t)reads,
                       (uint64_t)writes};
  return true;
}

/* Reads a number and the END that must be behind it. Returns what follows, or
 * NULL. */
static char *parse_hex(char *at, char end, uint64_t *out) {
  static const char digits[] = "0123456789abcdef";
  const char *digit;
  unsigned n = 0;
  *out = 0;
  for (; *at && (digit = strchr(digits, *at)) && n < 16; at++, n++)
    *out = *out << 4 | (uint64_t)(digit - digits);
  return n > 0 && *at == end ? at + 1 : NULL;
}

/* Passes a word and the blanks behind it. NULL: there is no word. */
static char *skip_field(char *at) {
  size_t n = strcspn(at, " ");
  return n > 0 ? at + n + strspn(at + n, " ") : NULL;
}

/* "7f00-8f00 r-xp 00001000 fe:01 1234      /usr/lib/libc.so.6" */
bool lab_proc_parse_map(char *line, lab_proc_map *out) {
  line[strcspn(line, "\n")] = '\0';
  char *at = parse_hex(line, '-', &out->start);
  at = at ? parse_hex(at, ' ', &out->limit) : NULL;
  if (!at || out->start >= out->limit || strcspn(at, " ") != 4)
    return false;
  out->executable = at[2] == 'x';
  out->writable = at[1] == 'w';
  at = parse_hex(skip_field(at), ' ', &out->offset);
  at = at ? skip_field(at) : NULL; /* the device */
  at = at ? skip_field(at) : NULL; /* the inode */
  out->path = at;
  return at != NULL;
}
