/* SPDX-License-Identifier: MIT
 * See standing.h. */
#include "diagnosis/standing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "diagnosis/progress.h"
#include "diagnosis/sums.h"

enum {
  PIECE = 65536, /* a longer line is none of ours */
  LAST = 512,    /* bytes; of two lines */
};

struct lab_standing {
  char *folder; /* or NULL */
  pthread_mutex_t lock;
  /* Which file was read: its inode may be that of one that was removed. */
  dev_t device;
  ino_t inode;
  struct statx_timestamp born; /* 0: the filesystem doesn't say */
  off_t at;                    /* where its next line begins */
  char last[LAST];             /* bytes of it before that */
  bool is_torn;                /* the file ends within a line */
  lab_sums *sums;              /* of the lines before that */
};

lab_standing *lab_standing_new(const char *folder) {
  lab_standing *s = lab_xcalloc(1, sizeof *s);
  s->folder = folder ? lab_xstrdup(folder) : NULL;
  s->sums = lab_sums_new();
  pthread_mutex_init(&s->lock, NULL);
  return s;
}

void lab_standing_free(lab_standing *s) {
  if (!s)
    return;
  lab_xfree(s->folder);
  lab_sums_free(s->sums);
  pthread_mutex_destroy(&s->lock);
  lab_xfree(s);
}

/* ---- the file ------------------------------------------------------------ */

/* The bytes of BUF that are whole lines, or a part of one that never ends. */
static size_t take_lines(lab_standing *s, const char *buf, size_t len) {
  size_t at = 0;
  for (;;) {
    const char *end = memchr(buf + at, '\n', len - at);
    if (!end)
      return at == 0 && len == PIECE ? len : at;
    lab_sums_take(s->sums, buf + at, (size_t)(end - buf) - at);
    at = (size_t)(end - buf) + 1;
  }
}

static size_t count_last(const lab_standing *s) {
  return s->at < LAST ? (size_t)s->at : LAST;
}

static bool read_last(const lab_standing *s, int fd, char out[LAST]) {
  size_t n = count_last(s);
  return pread(fd, out, n, s->at - (off_t)n) == (ssize_t)n;
}

/* Is FD the file that was read so far? Each line has its time and its visit, so
 * one that was made anew differs in its last bytes. */
static bool is_same_file(const lab_standing *s, int fd, const struct stat *st,
                         const struct statx_timestamp *born) {
  char last[LAST];
  return st->st_dev == s->device && st->st_ino == s->inode &&
         born->tv_sec == s->born.tv_sec && born->tv_nsec == s->born.tv_nsec &&
         st->st_size >= s->at && read_last(s, fd, last) &&
         memcmp(last, s->last, count_last(s)) == 0;
}

static struct statx_timestamp find_birth(int fd) {
  struct statx stx;
  bool told = statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) == 0 &&
              (stx.stx_mask & STATX_BTIME);
  return told ? stx.stx_btime : (struct statx_timestamp){0};
}

static void read_lines(lab_standing *s, int fd) {
  char *buf = lab_xmalloc(PIECE);
  for (;;) {
    ssize_t n = pread(fd, buf, PIECE, s->at);
    size_t taken = n > 0 ? take_lines(s, buf, (size_t)n) : 0;
    s->is_torn = n > 0;
    if (taken == 0)
      break;
    s->at += (off_t)taken;
  }
  lab_xfree(buf);
}

static void begin_anew(lab_standing *s) {
  s->at = 0;
  s->is_torn = false;
  lab_sums_clear(s->sums);
}

static void read_on(lab_standing *s, int fd) {
  struct stat st;
  if (fstat(fd, &st))
    return;
  struct statx_timestamp born = find_birth(fd);
  if (!is_same_file(s, fd, &st, &born))
    begin_anew(s);
  s->device = st.st_dev;
  s->inode = st.st_ino;
  s->born = born;
  read_lines(s, fd);
  if (!read_last(s, fd, s->last))
    memset(s->last, 0, sizeof s->last); /* it is read anew next time */
}

/* Under the lock. 0, also if there is no file; or a negative errno. */
static int look_at_progress(lab_standing *s) {
  int fd = s->folder ? lab_progress_open(s->folder) : -ENOENT;
  if (fd == -ENOENT) {
    begin_anew(s);
    return 0;
  }
  if (fd < 0)
    return fd;
  read_on(s, fd);
  close(fd);
  return 0;
}

void lab_standing_each(lab_standing *s, lab_standing_visit *visit, void *arg) {
  pthread_mutex_lock(&s->lock);
  look_at_progress(s);
  for (int i = 0; i < LAB_SUMS_STEPS; i++) {
    bool solved = lab_sums_is_solved(s->sums, i);
    bool repaired = lab_sums_is_repaired(s->sums, i);
    if (solved || repaired)
      visit(i, solved, repaired, arg);
  }
  pthread_mutex_unlock(&s->lock);
}

int lab_standing_write(lab_standing *s, lab_buf *out, lab_err *err) {
  pthread_mutex_lock(&s->lock);
  int rc = look_at_progress(s);
  if (rc == 0)
    lab_sums_write(s->sums, s->is_torn, out);
  pthread_mutex_unlock(&s->lock);
  return rc ? lab_progress_explain(s->folder, rc, err) : 0;
}
