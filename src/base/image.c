/* SPDX-License-Identifier: MIT
 * See image.h. */
#include "base/image.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/proc_text.h"

/* What /proc/self/smaps says of one mapping; kB. */
typedef struct mapping_use {
  lab_proc_map map;
  bool is_file;
  unsigned long resident;
  unsigned long written; /* as memory, or in the swap */
} mapping_use;

static void add_field(mapping_use *use, const char *line) {
  unsigned long kib;
  if (sscanf(line, "Rss: %lu kB", &kib) == 1)
    use->resident = kib;
  else if (sscanf(line, "Anonymous: %lu kB", &kib) == 1 ||
           sscanf(line, "Swap: %lu kB", &kib) == 1)
    use->written += kib;
}

/* Returns the bytes that were taken out. */
static size_t release_mapping(const mapping_use *use) {
  if (!use->is_file || use->map.writable || use->written > 0)
    return 0;
  if (madvise((void *)(uintptr_t)use->map.start,
              use->map.limit - use->map.start, MADV_DONTNEED))
    return 0;
  return use->resident * 1024;
}

/* A mapping's fields end with its flags. */
size_t lab_image_release(void) {
  FILE *f = fopen("/proc/self/smaps", "re");
  char *line = NULL;
  size_t cap = 0, released = 0;
  mapping_use use = {0};
  while (f && getline(&line, &cap, f) > 0) {
    lab_proc_map map;
    if (lab_proc_parse_map(line, &map)) {
      use = (mapping_use){.map = map, .is_file = map.path[0] == '/'};
      use.map.path = ""; /* it is in this line */
    } else if (strncmp(line, "VmFlags:", 8) == 0) {
      released += release_mapping(&use);
    } else {
      add_field(&use, line);
    }
  }
  free(line); /* getline's */
  if (f)
    fclose(f);
  return released;
}
