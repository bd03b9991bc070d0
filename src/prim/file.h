/* SPDX-License-Identifier: MIT
 * Primitives on files. They block, so workers call them; their names are what
 * profiles show between Lua and the system call: lab_file_write -> write.
 *
 * Each is one plain job around the system calls that strace shows. Paths that
 * scenarios name are looked at first (lab_file_resolve): that prevents
 * accidents, it is no security boundary.
 *
 * Threads: any. Errors: negative errno. Descriptors are close-on-exec. */
#ifndef LAB_PRIM_FILE_H
#define LAB_PRIM_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LAB_FILE_PRIMITIVE __attribute__((noinline))

/* Opens a regular file with the flags of open(2); a new one gets mode 0600. The
 * descriptor, or an error: -EISDIR for a folder, -EINVAL for what is no file
 * either (a pipe would block whoever opens it). */
LAB_FILE_PRIMITIVE int lab_file_open(const char *path, int flags);

/* A new file, mode 0600, or folder, mode 0700. The last six characters of
 * TEMPLATE are "XXXXXX" and become its own. The descriptor, or 0. */
LAB_FILE_PRIMITIVE int lab_file_open_temp(char *template);
LAB_FILE_PRIMITIVE int lab_file_make_temp_dir(char *template);

/* Up to N bytes; fewer only at the end of the file, 0 at its very end. */
LAB_FILE_PRIMITIVE ssize_t lab_file_read(int fd, void *out, size_t n);
/* All N bytes, or an error (some may have been written then). Stops early, with
 * what it has written, when lab_job_cancelled(). */
LAB_FILE_PRIMITIVE ssize_t lab_file_write(int fd, const void *bytes, size_t n);
/* Until the data is on the disk: fsync(2). */
LAB_FILE_PRIMITIVE int lab_file_sync(int fd);
/* FD is closed in any case. */
LAB_FILE_PRIMITIVE int lab_file_close(int fd);

/* Makes the folder PATH, mode 0700, and the one it lies in, where they are
 * missing. 0 or negative errno. */
int lab_file_make_dirs(const char *path);

/* Removes PATH and all that is in it, as far as that is possible; symbolic
 * links are removed, not followed. */
void lab_file_remove_tree(const char *path);

/* PATH without symbolic links, . and .., into OUT; the last part may be missing
 * on disk. 0 or negative errno. */
int lab_file_resolve(const char *path, char out[PATH_MAX]);
/* Whether the resolved PATH is FOLDER (resolved, too) or lies in it. */
bool lab_file_is_within(const char *path, const char *folder);

#endif
