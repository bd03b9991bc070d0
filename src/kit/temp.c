/* SPDX-License-Identifier: MIT
 * See temp.h. */
#include "kit/temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/remove_tree.h"

static const char PREFIX[] = "diaglab-kit-";

/* A folder isn't locked yet when it is made. */
enum { YOUNG_S = 60 };

static const char *find_temp_root(void) {
  const char *root = getenv("TMPDIR");
  return root && *root ? root : "/tmp";
}

/* ---- removing ------------------------------------------------------------ */

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
  lab_remove_tree(path, NULL); /* what stays, each run would tell anew */
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

/* The folder in which all of this process's are: one lock, so one descriptor,
 * for any number of them. It goes with the last one. */
static struct {
  char path[PATH_MAX];
  int fd; /* holds the lock, as long as the folder is there */
  unsigned made, left;
} shared = {.fd = -1};

static void leave_shared_folder(void) {
  rmdir(shared.path);
  close(shared.fd);
  shared.fd = -1;
}

/* 0, or -1 and errno. */
static int make_new_folder(const char *prefix, char path[PATH_MAX]) {
  int n = snprintf(path, PATH_MAX, "%s/%sXXXXXX", find_temp_root(), prefix);
  if (n < 0 || n >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return mkdtemp(path) ? 0 : -1;
}

/* The same. A folder without a lock would be removed by another run. */
static int enter_shared_folder(void) {
  if (shared.fd >= 0)
    return 0;
  if (make_new_folder(PREFIX, shared.path) < 0)
    return -1;
  shared.fd = open(shared.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (shared.fd >= 0 && flock(shared.fd, LOCK_EX | LOCK_NB) == 0)
    return 0;
  int error = errno;
  if (shared.fd >= 0)
    close(shared.fd);
  rmdir(shared.path);
  shared.fd = -1;
  errno = error;
  return -1;
}

static int make_temp_folder(lua_State *L) {
  static bool cleaned;
  char path[PATH_MAX + 16];
  if (!cleaned)
    remove_stale_folders();
  cleaned = true;
  if (enter_shared_folder() < 0)
    return luaL_fileresult(L, 0, shared.path);
  snprintf(path, sizeof path, "%s/%u", shared.path, ++shared.made);
  if (mkdir(path, 0700) < 0) {
    int error = errno;
    if (shared.left == 0)
      leave_shared_folder();
    errno = error;
    return luaL_fileresult(L, 0, path);
  }
  shared.left++;
  lua_pushstring(L, path);
  return 1;
}

static int make_kept_folder(lua_State *L) {
  char path[PATH_MAX];
  if (make_new_folder("diaglab-evidence-", path) < 0)
    return luaL_fileresult(L, 0, path);
  lua_pushstring(L, path);
  return 1;
}

/* Is PATH what make_temp_folder has made? */
static bool is_in_shared_folder(const char *path) {
  size_t len = strlen(shared.path);
  return shared.fd >= 0 && strncmp(path, shared.path, len) == 0 &&
         path[len] == '/' && !strchr(path + len + 1, '/');
}

static int remove_tree(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lab_err err;
  if (lab_remove_tree(path, &err)) {
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
  }
  if (is_in_shared_folder(path) && --shared.left == 0)
    leave_shared_folder();
  lua_pushboolean(L, true);
  return 1;
}

const luaL_Reg lab_kit_temp[] = {
    {"temp_folder", make_temp_folder},
    {"kept_folder", make_kept_folder},
    {"remove_tree", remove_tree},
    {NULL, NULL},
};
