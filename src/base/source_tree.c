/* SPDX-License-Identifier: MIT
 * See source_tree.h. LAB_WAY_TO_SOURCES leads from the folder of the build to
 * that of the sources ("../.."). The program is in the folder of the build,
 * tests are one deeper. */
#include "base/source_tree.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t searched = PTHREAD_ONCE_INIT;
static char tree[PATH_MAX];

/* Stores the tree that lies at WAY from FOLDER, if there is one. */
static bool take_tree(const char *folder, const char *way) {
  char path[PATH_MAX], found[PATH_MAX]; /* a stack may have but 64 KiB */
  if (snprintf(path, sizeof path, "%s/%s", folder, way) >= PATH_MAX ||
      !realpath(path, found))
    return false;
  if (snprintf(path, sizeof path, "%s/src/base/source_tree.c", found) >=
          PATH_MAX ||
      access(path, F_OK) != 0)
    return false;
  memcpy(tree, found, sizeof tree);
  return true;
}

static void search_tree(void) {
  char exe[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (n <= 0)
    return;
  exe[n] = '\0';
  *strrchr(exe, '/') = '\0';
  if (!take_tree(exe, LAB_WAY_TO_SOURCES))
    take_tree(exe, "../" LAB_WAY_TO_SOURCES);
}

const char *lab_source_tree(void) {
  pthread_once(&searched, search_tree);
  return tree;
}
