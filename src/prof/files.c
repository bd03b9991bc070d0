/* SPDX-License-Identifier: MIT
 * See files.h: a custom profile (custom.h). The kernel gives the lowest number
 * that is free, so descriptors are good numbers for it. */
#include "prof/files.h"

#include "prof/custom.h"

static lab_custom *files; /* NULL: nobody reads it */

void lab_files_opened(int fd, uint32_t stack, uint32_t label) {
  if (files && fd >= 0)
    lab_custom_put(files, (size_t)fd, stack, label);
}

void lab_files_closed(int fd) {
  if (files && fd >= 0)
    lab_custom_remove(files, (size_t)fd);
}

void lab_registry_add_files(void) {
  files = lab_custom_new("lab.OpenFiles",
                         "Stack traces that opened the files and sockets "
                         "which are open now. A custom profile, as a Go "
                         "program makes them.",
                         0);
}
