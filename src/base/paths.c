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
  char exe[PATH_MAX], path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (n <= 0)
    return false;
  exe[n] = '\0';
  *strrchr(exe, '/') = '\0';
  int length = snprintf(path, sizeof path, "%s/../share/diaglab/%s", exe, name);
  return length < PATH_MAX && use_folder(path, out);
}

static bool find_in_tree(const char *tree, const char *name,
                         char out[PATH_MAX]) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/%s", tree, name);
  return *tree && length < PATH_MAX && use_folder(path, out);
}

bool lab_paths_find(const char *name, char out[PATH_MAX]) {
  return find_installed(name, out) ||
         find_in_tree(lab_source_tree(), name, out);
}
