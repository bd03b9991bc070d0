/* SPDX-License-Identifier: MIT
 * See standing.h. A line is what write_event of progress.c has written: its
 * texts are escaped, so a key with its quotes is found by looking for it. */
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

enum {
  STEPS = 10000,
  SOLVED = 1,
  REPAIRED = 2,
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
  unsigned char done[STEPS];
};

lab_standing *lab_standing_new(const char *folder) {
  lab_standing *s = lab_xcalloc(1, sizeof *s);
  s->folder = folder ? lab_xstrdup(folder) : NULL;
  pthread_mutex_init(&s->lock, NULL);
  return s;
}

void lab_standing_free(lab_standing *s) {
  if (!s)
    return;
  lab_xfree(s->folder);
  pthread_mutex_destroy(&s->lock);
  lab_xfree(s);
}

/* ---- one event ----------------------------------------------------------- */

static bool has_text(const char *line, size_t len, const char *text) {
  return memmem(line, len, text, strlen(text)) != NULL;
}

/* The number of the step; STEPS if there is none. It doesn't go on behind the
 * line, whose end is no digit. */
static long find_step(const char *line, size_t len) {
  static const char key[] = "\"step\": ";
  const char *found = memmem(line, len, key, sizeof key - 1);
  char *end = NULL;
  if (!found)
    return STEPS;
  long step = strtol(found + sizeof key - 1, &end, 10);
  return *end == ',' ? step : STEPS;
}

static void forget_steps(lab_standing *s, long step) {
  if (step < 0)
    memset(s->done, 0, sizeof s->done);
  else
    s->done[step] = 0;
}

static void take_progress_event(lab_standing *s, const char *line, size_t len) {
  long step = find_step(line, len);
  if (step >= STEPS || len == 0 || line[len - 1] != '}')
    return;
  if (has_text(line, len, "\"event\": \"reset\""))
    forget_steps(s, step);
  else if (step < 0)
    return;
  else if (has_text(line, len, "\"event\": \"answer\"") &&
           has_text(line, len, "\"verdict\": \"solved\""))
    s->done[step] |= SOLVED;
  else if (has_text(line, len, "\"event\": \"repair\"") &&
           has_text(line, len, "\"verdict\": \"repaired\""))
    s->done[step] |= REPAIRED;
}

/* ---- the file ------------------------------------------------------------ */

/* The bytes of BUF that are whole lines, or a part of one that never ends. */
static size_t take_lines(lab_standing *s, const char *buf, size_t len) {
  size_t at = 0;
  for (;;) {
    const char *end = memchr(buf + at, '\n', len - at);
    if (!end)
      return at == 0 && len == PIECE ? len : at;
    take_progress_event(s, buf + at, (size_t)(end - buf) - at);
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
    if (taken == 0)
      break;
    s->at += (off_t)taken;
  }
  lab_xfree(buf);
}

static void begin_anew(lab_standing *s) {
  s->at = 0;
  forget_steps(s, -1);
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

void lab_standing_each(lab_standing *s, lab_standing_visit *visit, void *arg) {
  if (!s->folder)
    return;
  pthread_mutex_lock(&s->lock);
  int fd = lab_progress_open(s->folder);
  if (fd >= 0) {
    read_on(s, fd);
    close(fd);
  } else if (fd == -ENOENT) {
    begin_anew(s);
  }
  for (int i = 0; i < STEPS; i++)
    if (s->done[i])
      visit(i, s->done[i] & SOLVED, s->done[i] & REPAIRED, arg);
  pthread_mutex_unlock(&s->lock);
}
