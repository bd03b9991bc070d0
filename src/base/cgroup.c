/* SPDX-License-Identifier: MIT
 * See cgroup.h. */
#include "base/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_MAX = PATH_MAX }; /* a stack may have but 64 KiB */

static size_t pick_smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Returns how many bytes, or -1; a longer file is cut. */
static ssize_t read_small_file(const char *path, char *out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
  if (fd >= 0)
    close(fd);
  out[n > 0 ? n : 0] = '\0';
  return n;
}

/* "max", or what isn't there, is no limit. */
static size_t read_limit(const char *folder, const char *file) {
  char path[FOLDER_MAX + 32], text[32];
  int n = snprintf(path, sizeof path, "%s/%s", folder, file);
  if (n < 0 || (size_t)n >= sizeof path ||
      read_small_file(path, text, sizeof text) < 1 || text[0] < '0' ||
      text[0] > '9')
    return SIZE_MAX;
  unsigned long long bytes = strtoull(text, NULL, 10);
  return bytes > 0 && bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX;
}

/* The limit that FILE says in MOUNT/OWN and in each folder above, to MOUNT. In
 * a container OWN may not be there: what there is, is at MOUNT. */
static size_t read_limits(const char *mount, const char *own, size_t own_length,
                          const char *file) {
  char folder[FOLDER_MAX];
  size_t least = SIZE_MAX, length = strlen(mount);
  int n =
      snprintf(folder, sizeof folder, "%s%.*s", mount, (int)own_length, own);
  if (n < 0 || (size_t)n >= sizeof folder)
    return SIZE_MAX;
  for (;;) {
    least = pick_smaller(least, read_limit(folder, file));
    char *end = strrchr(folder + length, '/');
    if (!end)
      return least;
    *end = '\0';
  }
}

/* LIST: controllers, with commas. */
static bool has_memory(const char *list, size_t length) {
  static const char name[] = "memory";
  for (const char *at = list; at < list + length;) {
    size_t n = strcspn(at, ",:");
    if (n == sizeof name - 1 && memcmp(at, name, n) == 0)
      return true;
    at += n + 1;
  }
  return false;
}

/* What LINE says: NUMBER:CONTROLLERS:PATH. */
static size_t read_line_limit(const char *line, size_t length,
                              const char *mount) {
  char v1[256];
  const char *list = memchr(line, ':', length);
  const char *own =
      list ? memchr(list + 1, ':', length - (size_t)(list + 1 - line)) : NULL;
  if (!own)
    return SIZE_MAX;
  size_t own_length = length - (size_t)(own + 1 - line);
  if (own == list + 1)
    return read_limits(mount, own + 1, own_length, "memory.max");
  if (!has_memory(list + 1, (size_t)(own - list - 1)))
    return SIZE_MAX;
  snprintf(v1, sizeof v1, "%s/memory", mount);
  return read_limits(v1, own + 1, own_length, "memory.limit_in_bytes");
}

/* Line by line: in version 1 the whole may have thousands of bytes. */
size_t lab_cgroup_memory(const char *file, const char *mount) {
  char *line = NULL;
  size_t cap = 0, least = SIZE_MAX;
  FILE *f = fopen(file, "re");
  while (f && getline(&line, &cap, f) > 0)
    least =
        pick_smaller(least, read_line_limit(line, strcspn(line, "\n"), mount));
  free(line);
  if (f)
    fclose(f);
  return least;
}
