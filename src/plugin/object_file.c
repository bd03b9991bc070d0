/* SPDX-License-Identifier: MIT
 * See object_file.h. */
#include "plugin/object_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/object_check.h"

static int set_reason(lab_err *err, int code) {
  char text[128];
  const char *words = strerror_r(code, text, sizeof text);
  return lab_err_set(err, -code, "%s", words);
}

/* FD's first bytes are mapped for the check. */
static int check_descriptor(int fd, lab_err *err) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return set_reason(err, errno);
  if (!S_ISREG(st.st_mode))
    return lab_err_set(err, -EINVAL, "it is not a file");
  if (st.st_size == 0)
    return lab_err_set(err, -ENOEXEC, "the file is empty");
  size_t size = (size_t)st.st_size;
  void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED)
    return set_reason(err, errno);
  int rc = lab_object_check(bytes, size, err);
  munmap(bytes, size);
  return rc;
}

int lab_object_file_check(const char *file, char path[PATH_MAX], lab_err *err) {
  int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return set_reason(err, errno);
  int rc = check_descriptor(fd, err);
  close(fd);
  if (rc == 0 && !realpath(file, path))
    rc = set_reason(err, errno);
  return rc;
}
