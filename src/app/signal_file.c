/* SPDX-License-Identifier: MIT
 * See signal_file.h. */
#include "app/signal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { AT_A_TIME = 8 };

static lab_list incomplete = {&incomplete, &incomplete};

static bool has_too_many_files(const char *kind) {
  size_t n = 0;
  for (lab_list *l = incomplete.next; l != &incomplete; l = l->next)
    n += strcmp(LAB_CONTAINER(l, lab_signal_file, link)->kind, kind) == 0;
  return n >= AT_A_TIME;
}

/* 0 or a negative errno. */
static int make_signal_file(lab_signal_file *f, const char *kind,
                            const char *suffix) {
  const char *dir = getenv("TMPDIR");
  if (!dir || !*dir)
    dir = "/tmp";
  int n = snprintf(f->path, sizeof f->path, "%s/diaglab-%s-XXXXXX%s", dir, kind,
                   suffix);
  if (n < 0 || (size_t)n >= sizeof f->path)
    return -ENAMETOOLONG;
  f->fd = mkostemps(f->path, (int)strlen(suffix), O_CLOEXEC);
  return f->fd < 0 ? -errno : 0;
}

bool lab_signal_file_begin(lab_signal_file *f, const char *kind,
                           const char *suffix) {
  if (has_too_many_files(kind)) {
    lab_log("%d files diaglab-%s are being written: not another one", AT_A_TIME,
            kind);
    return false;
  }
  int rc = make_signal_file(f, kind, suffix);
  if (rc) {
    lab_log("failed to create temporary file %s: %s", f->path, strerror(-rc));
    return false;
  }
  f->kind = kind;
  lab_list_push_back(&incomplete, &f->link);
  return true;
}

void lab_signal_file_end(lab_signal_file *f, bool is_complete) {
  lab_list_remove(&f->link);
  close(f->fd);
  if (!is_complete)
    unlink(f->path);
}

void lab_signal_files_drop(void) {
  for (lab_list *l = incomplete.next; l != &incomplete; l = l->next)
    unlink(LAB_CONTAINER(l, lab_signal_file, link)->path);
}
