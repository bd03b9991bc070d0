/* SPDX-License-Identifier: MIT
 * See file_mark.h. */
#include "scenario/file_mark.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

lab_file_mark lab_file_mark_of(const char *path) {
  struct stat st;
  if (stat(path, &st) < 0)
    return (lab_file_mark){0};
  return (lab_file_mark){
      .device = st.st_dev,
      .inode = st.st_ino,
      .size = (uint64_t)st.st_size,
      .mode = st.st_mode,
      .modified_s = st.st_mtim.tv_sec,
      .modified_ns = st.st_mtim.tv_nsec,
      .changed_s = st.st_ctim.tv_sec,
      .changed_ns = st.st_ctim.tv_nsec,
  };
}

bool lab_file_mark_is_same(const lab_file_mark *a, const lab_file_mark *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* The kernel's time stamps advance every few milliseconds. */
bool lab_file_mark_is_young(const lab_file_mark *mark) {
  static const int64_t STEP_NS = 50 * LAB_MILLISECOND;
  int64_t changed = mark->changed_s * (int64_t)LAB_SECOND + mark->changed_ns;
  int64_t now = (int64_t)lab_clock_real();
  return changed > now - STEP_NS && changed <= now;
}
