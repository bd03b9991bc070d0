/* SPDX-License-Identifier: MIT
 * See remove_tree.h. The top is the folder that is to go. A folder in it is
 * emptied by its descriptor; what is in that, and isn't an empty folder or a
 * file, is moved to the top under a fresh name, and has its turn there. So no
 * path has more than two names, nothing is called recursively, and no more than
 * two folders are open. */
#include "base/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* And a number that nobody knows before, and another one. */
static const char FRESH[] = ".diaglab-going-";

/* Where somebody writes to it meanwhile: so often it is tried again; and after
 * so many names it is found out how many of them are that new. */
enum { TRIES = 10, NAP_MS = 20, NAMES_MANY = 50000, NEW_MOST = 1000 };

/* A fresh name can be taken: by a program that reads them as they come. */
enum { NAMES_TAKEN = 100 };

typedef struct removal {
  const char *path; /* of the top */
  DIR *top;
  uint64_t secret;      /* in all fresh names */
  uint64_t made, done;  /* numbers of fresh names: used, and had their turn */
  uint64_t made_before; /* this try */
  struct timespec began;
  uint64_t names, new_names; /* seen */
  bool overrun;              /* somebody writes faster than this removes */
  int error;                 /* the first that this try has met, or 0; */
  unsigned faults;           /* all of them */
  char where[2 * NAME_MAX + 2];
} removal;

static void note_fault(removal *r, const char *folder, const char *name,
                       int error) {
  if (r->faults++ > 0)
    return;
  r->error = error;
  snprintf(r->where, sizeof r->where, "%s%s%s", folder, *folder ? "/" : "",
           name);
}

/* ---- one name ------------------------------------------------------------ */

static bool is_self_or_above(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A file or an empty folder. 0 also if it has gone; -ENOTEMPTY, or another
 * negative errno: -EBUSY where something is mounted, whatever is in it. */
static int remove_name(int dir, const char *name) {
  if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
    return 0;
  int error = errno;
  if (error != EISDIR && error != EPERM) /* the latter is POSIX's for folders */
    return -error;
  if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
    return 0;
  if (errno == ENOTDIR)
    return -error;
  return errno == EEXIST ? -ENOTEMPTY : -errno;
}

/* If it can't, errno is what it was that needed this. */
static bool make_accessible(int dir, const char *name) {
  int error = errno;
  bool made = fchmodat(dir, name, 0700, AT_SYMLINK_NOFOLLOW) == 0;
  errno = error;
  return made;
}

/* The folder's list, or NULL and errno. If it can't be made writable, removing
 * what is in it says so. */
static DIR *open_folder(int dir, const char *name) {
  static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  struct stat st;
  int fd = openat(dir, name, flags);
  if (fd < 0 && errno == EACCES && make_accessible(dir, name))
    fd = openat(dir, name, flags);
  if (fd < 0)
    return NULL;
  if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
    fchmod(fd, 0700);
  DIR *list = fdopendir(fd);
  int error = errno;
  if (!list)
    close(fd);
  errno = error;
  return list;
}

/* ---- fresh names --------------------------------------------------------- */

static int write_fresh_name(char out[NAME_MAX], const removal *r,
                            uint64_t number) {
  int n = snprintf(out, NAME_MAX, "%s%016llx-", FRESH,
                   (unsigned long long)r->secret);
  snprintf(out + n, NAME_MAX - (size_t)n, "%llu", (unsigned long long)number);
  return n;
}

/* It has its turn by its number. */
static bool is_made_in_this_try(const removal *r, const char *name) {
  char fresh[NAME_MAX];
  size_t len = (size_t)write_fresh_name(fresh, r, 0);
  if (strncmp(name, fresh, len) != 0)
    return false;
  uint64_t number = strtoull(name + len, NULL, 10);
  return number >= r->made_before && number < r->made;
}

/* Moves the folder NAME in DIR to the top. Its owner must be allowed to write
 * to it, as its ".." changes. 0 or a negative errno. */
static int move_to_top(removal *r, int dir, const char *name) {
  char fresh[NAME_MAX];
  for (int i = 0; i < NAMES_TAKEN; i++) {
    write_fresh_name(fresh, r, r->made);
    int rc = renameat(dir, name, dirfd(r->top), fresh);
    if (rc < 0 && errno == EACCES && make_accessible(dir, name))
      rc = renameat(dir, name, dirfd(r->top), fresh);
    if (rc < 0 && errno == ENOENT)
      return 0;
    if (rc < 0 && errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
      return -errno;
    r->made++;
    if (rc == 0)
      return 0;
  }
  return -EEXIST;
}

/* ---- who writes to it meanwhile ------------------------------------------ */

static bool is_before(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec < b->tv_sec ||
         (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Was it written since the removal has begun? A time to come tells nothing. */
static bool is_new_name(const removal *r, int dir, const char *name) {
  struct stat st;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         is_before(&r->began, &st.st_mtim) && is_before(&st.st_mtim, &now);
}

/* Lists of a folder that somebody fills need have no end. */
static void watch_writer(removal *r, int dir, const char *name) {
  if (++r->names > NAMES_MANY)
    r->new_names += is_new_name(r, dir, name);
  r->overrun = r->new_names > NEW_MOST;
}

/* The next name in LIST, or NULL. */
static const char *read_name(removal *r, DIR *list) {
  const struct dirent *e = NULL;
  do
    e = r->overrun ? NULL : readdir(list);
  while (e && is_self_or_above(e->d_name));
  if (!e)
    return NULL;
  watch_writer(r, dirfd(list), e->d_name);
  return e->d_name;
}

/* ---- the tree ------------------------------------------------------------ */

/* NAME is a folder in the top. What is new in it afterwards has its turn in the
 * next try. */
static void empty_folder(removal *r, const char *name) {
  unsigned faults = r->faults;
  DIR *list = open_folder(dirfd(r->top), name);
  if (!list && errno == ENOENT)
    return;
  if (!list) {
    note_fault(r, "", name, -errno);
    return;
  }
  for (const char *inner; (inner = read_name(r, list));) {
    int rc = remove_name(dirfd(list), inner);
    if (rc == -ENOTEMPTY)
      rc = move_to_top(r, dirfd(list), inner);
    if (rc)
      note_fault(r, name, inner, rc);
  }
  closedir(list);
  int rc = remove_name(dirfd(r->top), name);
  if (rc && rc != -ENOTEMPTY && r->faults == faults)
    note_fault(r, "", name, rc);
}

static void remove_from_top(removal *r, const char *name) {
  int rc = remove_name(dirfd(r->top), name);
  if (rc == -ENOTEMPTY)
    empty_folder(r, name);
  else if (rc)
    note_fault(r, "", name, rc);
}

static void remove_moved(removal *r) {
  char fresh[NAME_MAX];
  while (r->done < r->made && !r->overrun) {
    write_fresh_name(fresh, r, r->done++);
    remove_from_top(r, fresh);
  }
}

static void remove_all_in_top(removal *r) {
  r->error = 0;
  r->faults = 0;
  r->made_before = r->done = r->made;
  rewinddir(r->top);
  for (const char *name; (name = read_name(r, r->top));) {
    if (!is_made_in_this_try(r, name))
      remove_from_top(r, name);
    remove_moved(r);
  }
}

/* ---- tries --------------------------------------------------------------- */

/* Errors that may be over a moment later: what was removed has made room, or
 * was there under a fresh name; or somebody has put another thing in its place.
 */
static bool is_passing_error(int error) {
  static const int passing[] = {EMFILE, ENFILE, ENOMEM,  ENOSPC,
                                EDQUOT, EEXIST, ENOTDIR, ELOOP};
  for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
    if (error == -passing[i])
      return true;
  return false;
}

/* Whether it is worth while to try again. */
static bool remove_once(removal *r) {
  remove_all_in_top(r);
  if (r->overrun || (r->error && !is_passing_error(r->error)))
    return false;
  int rc = remove_name(AT_FDCWD, r->path);
  if (rc && rc != -ENOTEMPTY)
    note_fault(r, "", ".", rc);
  return rc == -ENOTEMPTY;
}

static int tell_fault(const removal *r, lab_err *err) {
  enum { PATH_SHOWN = 300 };
  char more[32] = "";
  if (r->faults > 1)
    snprintf(more, sizeof more, ", and %u more", r->faults - 1);
  if (r->faults > 0)
    return lab_err_set(err, r->error, "%.*s stays on disk: %s: %s%s",
                       PATH_SHOWN, r->path, r->where, strerror(-r->error),
                       more);
  return lab_err_set(err, -EBUSY,
                     "%.*s stays on disk: something still writes to it",
                     PATH_SHOWN, r->path);
}

static int remove_folder_tree(removal *r, lab_err *err) {
  bool again = remove_once(r);
  for (int i = 1; again && i < TRIES; i++) {
    nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    again = remove_once(r);
  }
  return again || r->faults > 0 || r->overrun ? tell_fault(r, err) : 0;
}

int lab_remove_tree(const char *path, lab_err *err) {
  removal r = {.path = path};
  struct stat st;
  if (getrandom(&r.secret, sizeof r.secret, GRND_NONBLOCK) < 0)
    r.secret = 0; /* names can be known, and taken */
  int rc = fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0
               ? -errno
               : remove_name(AT_FDCWD, path);
  if (rc == -ENOTEMPTY) {
    clock_gettime(CLOCK_REALTIME, &r.began);
    r.top = open_folder(AT_FDCWD, path);
    if (r.top) {
      rc = remove_folder_tree(&r, err);
      closedir(r.top);
      return rc;
    }
    rc = -errno;
  }
  return rc ? lab_err_set(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}
