/* SPDX-License-Identifier: MIT
 * See paths.h. */
#include "base/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/source_tree.h"

static bool use_folder(const char *path, char out[PATH_MAX]) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && realpath(path, out);
}

/* PREFIX/bin/diaglab has its files in PREFIX/share/diaglab. */
static bool find_installed(const char *name, char out[PATH_MAX]) {
  char exe[PATH_MAX], path[PATH_MAX * 2];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (n <= 0)
    return false;
  exe[n] = '\0';
  *strrchr(exe, '/') = '\0';
  snprintf(path, sizeof path, "%s/../share/diaglab/%s", exe, name);
  return use_folder(path, out);
}

bool lab_paths_find(const char *name, char out[PATH_MAX]) {
  if (find_installed(name, out))
    return true;
  const char *tree = lab_source_tree();
  char path[PATH_MAX * 2];
  snprintf(path, sizeof path, "%s/%s", tree, name);
  return *tree && use_folder(path, out);
}
