/* SPDX-License-Identifier: MIT
 * See progress.h. */
#include "diagnosis/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/timed_lock.h"
#include "base/write_all.h"
#include "prof/attempt.h"

enum { WAITING_MAX = 1 << 20, TRY_MS = 5 };

static const char FILE_NAME[] = "progress.jsonl";

struct lab_progress {
  char *folder;            /* or NULL */
  uint64_t patience;       /* ns */
  pthread_mutex_t writing; /* who writes to the disk; before: */
  pthread_mutex_t lock;    /* of `waiting`; nobody keeps it for long */
  lab_buf waiting;         /* lines that are not on the disk yet */
  atomic_bool waits;       /* there are some */
  atomic_bool failed;      /* the last attempt to write them has */
};

lab_progress *lab_progress_new(const char *folder, unsigned patience_ms) {
  lab_progress *p = lab_xcalloc(1, sizeof *p);
  p->folder = folder ? lab_xstrdup(folder) : NULL;
  p->patience = patience_ms * LAB_MILLISECOND;
  pthread_mutex_init(&p->writing, NULL);
  pthread_mutex_init(&p->lock, NULL);
  return p;
}

void lab_progress_free(lab_progress *p) {
  if (!p)
    return;
  lab_xfree(p->folder);
  lab_buf_free(&p->waiting);
  pthread_mutex_destroy(&p->writing);
  pthread_mutex_destroy(&p->lock);
  lab_xfree(p);
}

const char *lab_progress_folder(const lab_progress *p) {
  return p->folder;
}

bool lab_progress_find_folder(char out[PATH_MAX]) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n = -1;
  if (state && *state == '/')
    n = snprintf(out, PATH_MAX, "%s/diaglab", state);
  else if (home && *home == '/')
    n = snprintf(out, PATH_MAX, "%s/.local/state/diaglab", home);
  return n > 0 && n < PATH_MAX;
}

/* ---- the file ------------------------------------------------------------ */

/* Makes the folder, and those above it. */
static int make_folders(const char *path) {
  char part[PATH_MAX];
  size_t len = strlen(path);
  if (len == 0 || len >= sizeof part)
    return -ENAMETOOLONG;
  memcpy(part, path, len + 1);
  for (char *at = part + 1; at <= part + len; at++) {
    if (*at != '/' && *at != '\0')
      continue;
    char end = *at;
    *at = '\0';
    if (mkdir(part, 0700) && errno != EEXIST)
      return -errno;
    *at = end;
  }
  return 0;
}

static void write_progress_path(const char *folder, char out[PATH_MAX + 32]) {
  snprintf(out, PATH_MAX + 32, "%s/%s", folder, FILE_NAME);
}

/* The folder's entry must be on the disk, too. */
static void sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  fsync(fd);
  close(fd);
}

/* The descriptor, or a negative errno; -EINVAL: it is no regular file. A FIFO
 * or a device could keep the pool's threads for ever. */
static int open_regular_file(const char *path, int flags) {
  struct stat st;
  int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
  if (fd < 0)
    return -errno;
  int rc = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
  if (rc == 0)
    return fd;
  close(fd);
  return rc;
}

/* The descriptor of the file, or a negative errno. */
static int open_progress(const char *folder) {
  char path[PATH_MAX + 32];
  write_progress_path(folder, path);
  int fd = open_regular_file(path, O_RDWR | O_APPEND);
  if (fd != -ENOENT)
    return fd;
  int rc = make_folders(folder);
  fd = rc ? rc : open_regular_file(path, O_RDWR | O_APPEND | O_CREAT);
  if (fd >= 0)
    sync_folder(folder);
  return fd;
}

/* Does the file end within a line? */
static bool is_torn(int fd) {
  char last;
  off_t size = lseek(fd, 0, SEEK_END);
  return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* Another process may have the lock for ever: it hangs, or is stopped. 0, or
 * -EAGAIN: it has it still at the time UNTIL. */
static int lock_file(int fd, uint64_t until) {
  const struct timespec pause = {0, TRY_MS * LAB_MILLISECOND};
  while (flock(fd, LOCK_EX | LOCK_NB)) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return -errno;
    if (lab_clock_mono() >= until)
      return -EAGAIN;
    nanosleep(&pause, NULL);
  }
  return 0;
}

/* Under the lock of the file, which its closing gives back. All of it is
 * written or nothing: what was written in part would be there twice after the
 * next try.
 */
static int append_lines(int fd, const lab_buf *lines, uint64_t until) {
  int rc = lock_file(fd, until);
  if (rc)
    return rc;
  off_t size = lseek(fd, 0, SEEK_END);
  if (is_torn(fd))
    rc = lab_write_all(fd, "\n", 1);
  if (rc == 0)
    rc = lab_write_all(fd, lines->data, lines->len);
  if (rc == 0 && fdatasync(fd))
    rc = -errno;
  if (rc && size >= 0 && ftruncate(fd, size))
    lab_log("the progress has a part of a line: %s", strerror(errno));
  return rc;
}

static int store_lines(const char *folder, const lab_buf *lines,
                       uint64_t until) {
  int fd = open_progress(folder);
  if (fd < 0)
    return fd;
  int rc = append_lines(fd, lines, until);
  close(fd);
  return rc;
}

/* ---- events -------------------------------------------------------------- */

static void add_event_time(lab_json *j) {
  char text[LAB_UTC_TEXT];
  uint64_t now = lab_clock_real();
  lab_clock_write_utc(text, now);
  lab_json_key(j, "at");
  lab_json_text(j, text);
  lab_json_key(j, "seconds");
  lab_json_uint(j, now / LAB_SECOND);
}

static void add_event_result(lab_json *j, const lab_judge_result *r) {
  lab_json_key(j, "verdict");
  lab_json_text(j, r->verdict);
  lab_json_key(j, "score");
  lab_json_int(j, r->score);
  lab_json_key(j, "code");
  lab_json_text(j, r->code);
  lab_json_key(j, "class");
  lab_json_text(j, r->class_name);
}

static void write_event(const lab_progress_event *e, lab_buf *out) {
  lab_json j;
  char attempt[LAB_ATTEMPT_TEXT];
  lab_attempt_text(e->attempt, attempt);
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_SPACED);
  add_event_time(&j);
  lab_json_key(&j, "event");
  lab_json_text(&j, e->what);
  lab_json_key(&j, "step");
  lab_json_int(&j, e->step);
  lab_json_key(&j, "attempt");
  lab_json_text(&j, attempt);
  lab_json_key(&j, "captures");
  lab_json_uint(&j, e->captures);
  if (e->hint > 0) {
    lab_json_key(&j, "hint");
    lab_json_int(&j, e->hint);
  }
  if (e->result)
    add_event_result(&j, e->result);
  if (e->verdict) {
    lab_json_key(&j, "verdict");
    lab_json_text(&j, e->verdict);
  }
  lab_json_end(&j);
  lab_json_finish(&j);
}

const char *lab_progress_fault(int rc) {
  return rc == -EAGAIN  ? "another program has its lock"
         : rc == -EBUSY ? "the disk is slow, and an earlier write isn't done"
                        : strerror(-rc);
}

/* Says once that it fails, and once that it works again. */
static void note_outcome(lab_progress *p, int rc) {
  bool has_failed = atomic_exchange(&p->failed, rc != 0);
  if (rc && !has_failed)
    lab_log("can't keep the progress in %s: %s; it waits in memory", p->folder,
            lab_progress_fault(rc));
  else if (!rc && has_failed)
    lab_log("the progress is in %s again", p->folder);
}

/* LINES are to be written before all that waits. */
static void put_lines_back(lab_progress *p, lab_buf *lines) {
  pthread_mutex_lock(&p->lock);
  lab_buf_append(lines, p->waiting.data, p->waiting.len);
  lab_buf_free(&p->waiting);
  p->waiting = *lines;
  *lines = (lab_buf)LAB_BUF_INIT;
  atomic_store(&p->waits, p->waiting.len > 0);
  pthread_mutex_unlock(&p->lock);
}

static lab_buf take_waiting(lab_progress *p) {
  pthread_mutex_lock(&p->lock);
  lab_buf lines = p->waiting;
  p->waiting = (lab_buf)LAB_BUF_INIT;
  atomic_store(&p->waits, false);
  pthread_mutex_unlock(&p->lock);
  return lines;
}

/* Who writes takes what others have added meanwhile, too; then these needn't.
 * With `writing`. */
static int store_waiting(lab_progress *p, uint64_t until) {
  int rc = 0;
  while (rc == 0 && atomic_load(&p->waits)) {
    lab_buf lines = take_waiting(p);
    rc = store_lines(p->folder, &lines, until);
    note_outcome(p, rc);
    if (rc)
      put_lines_back(p, &lines);
    lab_buf_free(&lines);
  }
  return rc;
}

/* 0, or -EBUSY: another thread still writes at the time UNTIL. */
static int begin_writing(lab_progress *p, uint64_t until) {
  return lab_lock_until(&p->writing, until) ? 0 : -EBUSY;
}

/* False: too much waits already. */
static bool add_waiting(lab_progress *p, const lab_progress_event *events,
                        size_t n) {
  pthread_mutex_lock(&p->lock);
  bool has_room = p->waiting.len < WAITING_MAX;
  for (size_t i = 0; has_room && i < n; i++)
    write_event(&events[i], &p->waiting);
  atomic_store(&p->waits, p->waiting.len > 0);
  pthread_mutex_unlock(&p->lock);
  return has_room;
}

int lab_progress_add_all(lab_progress *p, const lab_progress_event *events,
                         size_t n) {
  uint64_t until = lab_clock_mono() + p->patience;
  if (!p->folder)
    return 0;
  bool added = add_waiting(p, events, n);
  int rc = begin_writing(p, until);
  if (rc)
    return rc;
  rc = store_waiting(p, until);
  if (rc == 0 && !added) { /* now there is room */
    add_waiting(p, events, n);
    rc = store_waiting(p, until);
  }
  pthread_mutex_unlock(&p->writing);
  return rc;
}

int lab_progress_add(lab_progress *p, const lab_progress_event *event) {
  return lab_progress_add_all(p, event, 1);
}

int lab_progress_add_now(lab_progress *p, const lab_progress_event *event) {
  uint64_t until = lab_clock_mono() + p->patience;
  if (!p->folder)
    return 0;
  int rc = begin_writing(p, until);
  if (rc)
    return rc;
  rc = store_waiting(p, until); /* what came before it */
  if (rc == 0) {
    lab_buf line = LAB_BUF_INIT;
    write_event(event, &line);
    rc = store_lines(p->folder, &line, until);
    lab_buf_free(&line);
  }
  pthread_mutex_unlock(&p->writing);
  return rc;
}

bool lab_progress_waits(const lab_progress *p) {
  return atomic_load(&p->waits);
}

bool lab_progress_fails(const lab_progress *p) {
  return atomic_load(&p->failed);
}

/* ---- reading ------------------------------------------------------------- */

int lab_progress_open(const char *folder) {
  char path[PATH_MAX + 32];
  write_progress_path(folder, path);
  return open_regular_file(path, O_RDONLY);
}

int lab_progress_explain(const char *folder, int rc, lab_err *err) {
  char path[PATH_MAX + 32];
  write_progress_path(folder, path);
  return lab_err_set(err, rc, "%s: %s", path,
                     rc == -EINVAL ? "it is no regular file" : strerror(-rc));
}
