/* SPDX-License-Identifier: MIT
 * See signal_file.h. */
#include "app/signal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int lab_signal_file_new(const char *what, const char *suffix,
                        char path[PATH_MAX]) {
  const char *dir = getenv("TMPDIR");
  if (!dir || !*dir)
    dir = "/tmp";
  int n = snprintf(path, PATH_MAX, "%s/diaglab-%s-XXXXXX%s", dir, what, suffix);
  if (n >= PATH_MAX)
    return -ENAMETOOLONG;
  int fd = mkostemps(path, (int)strlen(suffix), O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}
