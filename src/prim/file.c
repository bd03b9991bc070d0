/* SPDX-License-Identifier: MIT
 * See file.h. */
#include "prim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "task/worker.h"

/* A write is cut into pieces, so that one of a gigabyte can be cancelled. */
enum { PIECE_MAX = 1 << 20 };
static const uint64_t PART_NS = 50 * LAB_MILLISECOND;

/* What scenarios read and write are plain files. */
static int check_regular(int fd) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return -errno;
  if (S_ISDIR(st.st_mode))
    return -EISDIR;
  return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int lab_file_open(const char *path, int flags) {
  /* Without O_NONBLOCK this would block on a pipe that has no writer. */
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0)
    return -errno;
  int rc = check_regular(fd);
  if (rc == 0)
    return fd;
  close(fd);
  return rc;
}

int lab_file_open_temp(char *template) {
  int fd = mkostemp(template, O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int lab_file_make_temp_dir(char *template) {
  return mkdtemp(template) ? 0 : -errno;
}

ssize_t lab_file_read(int fd, void *out, size_t n) {
  size_t got = 0;
  while (got < n && !lab_job_cancelled()) {
    ssize_t rc = read(fd, (char *)out + got, n - got);
    if (rc < 0 && errno == EINTR)
      continue;
    if (rc < 0)
      return -errno;
    if (rc == 0)
      break;
    got += (size_t)rc;
  }
  return (ssize_t)got;
}

ssize_t lab_file_write(int fd, const void *bytes, size_t n) {
  size_t put = 0;
  while (put < n && !lab_job_cancelled()) {
    size_t piece = n - put < PIECE_MAX ? n - put : PIECE_MAX;
    ssize_t rc = write(fd, (const char *)bytes + put, piece);
    if (rc < 0 && errno == EINTR)
      continue;
    if (rc < 0)
      return -errno;
    put += (size_t)rc;
  }
  return (ssize_t)put;
}

int lab_file_sync(int fd) {
  return fsync(fd) < 0 ? -errno : 0;
}

/* On Linux the descriptor is gone even when close was interrupted. */
int lab_file_close(int fd) {
  return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

/* Whoever cancels a worker's job sends no signal, so a long sleep has several
 * parts. After a signal the rest is slept. */
void lab_file_wait_for_disk(uint64_t ns) {
  uint64_t until = lab_clock_mono() + ns;
  while (ns > 0 && !lab_job_cancelled()) {
    uint64_t part = ns < PART_NS ? ns : PART_NS;
    const struct timespec t = {0, (long)part};
    nanosleep(&t, NULL);
    uint64_t now = lab_clock_mono();
    ns = now < until ? until - now : 0;
  }
}

static int make_one_dir(const char *path) {
  return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int lab_file_make_dirs(const char *path) {
  char above[PATH_MAX];
  snprintf(above, sizeof above, "%s", path);
  char *slash = strrchr(above, '/');
  if (slash && slash > above) {
    *slash = '\0';
    int rc = make_one_dir(above);
    if (rc)
      return rc;
  }
  return make_one_dir(path);
}

int lab_file_resolve(const char *path, char out[PATH_MAX]) {
  if (realpath(path, out))
    return 0;
  if (errno != ENOENT)
    return -errno;
  /* The file isn't there yet, but its folder must be. */
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return -ENOENT;
  char folder[PATH_MAX];
  int n = snprintf(folder, sizeof folder, "%.*s",
                   slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
  if (n >= PATH_MAX)
    return -ENAMETOOLONG;
  if (!realpath(folder, out))
    return -errno;
  struct stat st;
  size_t len = strlen(out);
  if (len == 1)
    len = 0; /* the root's name ends in a slash by itself */
  if (len + 1 + strlen(name) >= PATH_MAX)
    return -ENAMETOOLONG;
  snprintf(out + len, PATH_MAX - len, "/%s", name);
  /* A link that leads nowhere: opening it would make a file elsewhere. */
  return lstat(out, &st) == 0 ? -ENOENT : 0;
}

bool lab_file_is_within(const char *path, const char *folder) {
  size_t len = strlen(folder);
  return strncmp(path, folder, len) == 0 &&
         (path[len] == '\0' || path[len] == '/');
}
