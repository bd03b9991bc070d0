/* SPDX-License-Identifier: MIT
 * See temp.h. */
#include "kit/temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char PREFIX[] = "diaglab-kit-";

/* A folder isn't locked yet when it is made. */
enum { YOUNG_S = 60, FOLDERS_OPEN = 16 };

static const char *find_temp_root(void) {
  const char *root = getenv("TMPDIR");
  return root && *root ? root : "/tmp";
}

/* ---- removing ------------------------------------------------------------ */

static int remove_tree_entry(const char *path, const struct stat *st, int type,
                             struct FTW *at) {
  (void)st;
  (void)type;
  (void)at;
  return remove(path);
}

static int remove_whole_tree(const char *path) {
  return nftw(path, remove_tree_entry, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}

/* Locks the folder FD if nobody has. Closes FD if not. */
static bool lock_temp_folder(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return true;
  close(fd);
  return false;
}

/* Is the folder FD this user's, and has it been there for a while? */
static bool is_old_and_own(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
         time(NULL) - st.st_mtime > YOUNG_S;
}

static void remove_if_stale(int root, const char *dir, const char *name) {
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/%s", dir, name);
  int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return;
  if (n < 0 || (size_t)n >= sizeof path || !is_old_and_own(fd)) {
    close(fd);
    return;
  }
  if (!lock_temp_folder(fd))
    return;
  remove_whole_tree(path);
  close(fd);
}

static void remove_stale_folders(void) {
  const char *root = find_temp_root();
  DIR *dir = opendir(root);
  if (!dir)
    return;
  for (const struct dirent *e; (e = readdir(dir));)
    if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) == 0)
      remove_if_stale(dirfd(dir), root, e->d_name);
  closedir(dir);
}

/* ---- making -------------------------------------------------------------- */

static int push_new_folder(lua_State *L, const char *prefix) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%sXXXXXX", find_temp_root(), prefix);
  if (!mkdtemp(path))
    return luaL_fileresult(L, 0, path);
  lua_pushstring(L, path);
  return 1;
}

/* The lock is held until the process ends, so nobody closes it. */
static int make_temp_folder(lua_State *L) {
  static bool cleaned;
  if (!cleaned)
    remove_stale_folders();
  cleaned = true;
  int n = push_new_folder(L, PREFIX);
  const char *path = lua_tostring(L, -1);
  int fd = n == 1 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0)
    lock_temp_folder(fd);
  return n;
}

static int make_kept_folder(lua_State *L) {
  return push_new_folder(L, "diaglab-evidence-");
}

static int remove_tree(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  return luaL_fileresult(L, remove_whole_tree(path) == 0, path);
}

const luaL_Reg lab_kit_temp[] = {
    {"temp_folder", make_temp_folder},
    {"kept_folder", make_kept_folder},
    {"remove_tree", remove_tree},
    {NULL, NULL},
};
