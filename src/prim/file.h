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
#include <stdint.h>
#include <sys/types.h>

#define LAB_FILE_PRIMITIVE __attribute__((noinline))

/* Opens a regular file with the flags of open(2); a new one gets mode 0600.
 * Returns the descriptor, or an error: -EISDIR for a folder, -EINVAL for
 * anything else that is no file (opening a pipe would block). */
LAB_FILE_PRIMITIVE int lab_file_open(const char *path, int flags);

/* Make a new file, mode 0600, or a new folder, mode 0700. The last six
 * characters of TEMPLATE are "XXXXXX", and are replaced by those of its name.
 * Return the descriptor, or 0 for a folder. */
LAB_FILE_PRIMITIVE int lab_file_open_temp(char *template);
LAB_FILE_PRIMITIVE int lab_file_make_temp_dir(char *template);

/* Reads up to N bytes; fewer only at the end of the file, or when
 * lab_job_cancelled(); 0 at the very end. */
LAB_FILE_PRIMITIVE ssize_t lab_file_read(int fd, void *out, size_t n);
/* Writes all N bytes, or returns an error (then some may have been written).
 * Stops early when lab_job_cancelled(), and returns how many it has written. */
LAB_FILE_PRIMITIVE ssize_t lab_file_write(int fd, const void *bytes, size_t n);
/* Until the data is on the disk: fsync(2). */
LAB_FILE_PRIMITIVE int lab_file_sync(int fd);
/* FD is closed in any case. */
LAB_FILE_PRIMITIVE int lab_file_close(int fd);
/* Sleeps for NS, as in a call to a disk that takes so long. Ends early when
 * lab_job_cancelled(): soon, or at once where a signal comes. */
LAB_FILE_PRIMITIVE void lab_file_wait_for_disk(uint64_t ns);

/* Makes the folder PATH, mode 0700, and the one it lies in, where they are
 * missing. 0 or negative errno. */
int lab_file_make_dirs(const char *path);

/* Writes PATH without symbolic links, . and .. to OUT; the last part needn't
 * exist on disk. 0 or negative errno. */
int lab_file_resolve(const char *path, char out[PATH_MAX]);
/* Whether the resolved PATH is FOLDER (resolved, too) or lies in it. */
bool lab_file_is_within(const char *path, const char *folder);

#endif
