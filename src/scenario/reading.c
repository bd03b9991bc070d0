/* SPDX-License-Identifier: MIT
 * See reading.h. */
#include "scenario/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "plugin/plugin.h"

/* CPU time is the reader's own limit. This one is for what waits instead, and
 * for a machine that has no time for it. */
static const uint64_t PATIENCE_NS = 10 * LAB_SECOND;
enum { WRITTEN_MAX = 256 << 10 };

static void name_primitives(lab_buf *out) {
  const lab_plugin *list;
  size_t n = lab_plugin_list(&list);
  lab_buf_puts(out, LAB_READER_PRIMITIVES_VARIABLE "=");
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(out, "%s,", list[i].primitive->name);
  lab_buf_putc(out, '\0');
}

/* /proc/self/exe is this very program, also if its file was replaced. */
static int start_reader(pid_t *pid, const char *file, bool whole, int out) {
  static char name[] = "diaglab-reader";
  static char is_whole[] = LAB_READER_WHOLE_VARIABLE "=1";
  char *argv[] = {name, (char *)file, NULL};
  lab_buf variable = LAB_BUF_INIT, primitives = LAB_BUF_INIT;
  lab_buf_printf(&variable, "%s=%s", LAB_READER_VARIABLE, file);
  lab_buf_putc(&variable, '\0');
  name_primitives(&primitives);
  char *const variables[] = {variable.data, primitives.data, is_whole};
  char **envp = lab_spawn_environment(variables, whole ? 3 : 2);
  const lab_spawn_options options = {
      .file = "/proc/self/exe", .argv = argv, .envp = envp, .out = out};
  int rc = lab_spawn(pid, &options);
  lab_xfree(envp);
  lab_buf_free(&variable);
  lab_buf_free(&primitives);
  return rc;
}

int lab_reading_begin(lab_reading *r, const char *file, bool whole) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0)
    return -errno;
  fcntl(fds[0], F_SETFL, O_NONBLOCK); /* this end only */
  *r = (lab_reading){.pipe = fds[0]};
  int rc = start_reader(&r->pid, file, whole, fds[1]);
  close(fds[1]);
  if (rc) {
    close(fds[0]);
    return rc;
  }
  r->file = file;
  r->deadline = lab_clock_mono() + PATIENCE_NS;
  return 0;
}

void lab_reading_kill(lab_reading *r, const char *why) {
  if (!r->killed)
    kill(r->pid, SIGKILL);
  r->killed = r->killed ? r->killed : why;
}

bool lab_reading_take(lab_reading *r) {
  enum { PART = 8192 };
  ssize_t n = 1;
  while (n > 0 && r->got.len <= WRITTEN_MAX) {
    n = read(r->pipe, lab_buf_reserve(&r->got, PART), PART);
    r->got.len += n > 0 ? (size_t)n : 0;
  }
  if (r->got.len > WRITTEN_MAX)
    lab_reading_kill(r, "its texts are too long");
  else if (n < 0 && errno != EAGAIN && errno != EINTR)
    lab_reading_kill(r, "what it says can't be read");
  else if (n < 0 && lab_clock_mono() >= r->deadline)
    lab_reading_kill(r, "it doesn't come to an end");
  return n == 0 || r->killed;
}

bool lab_reading_next(const lab_reading *r, size_t *at, lab_reader_frame *frame,
                      const char **bytes) {
  size_t left = r->got.len - *at;
  if (left < sizeof *frame)
    return false;
  memcpy(frame, r->got.data + *at, sizeof *frame);
  if (left - sizeof *frame < frame->size)
    return false;
  *bytes = r->got.data + *at + sizeof *frame;
  *at += sizeof *frame + frame->size;
  return true;
}

/* The last frame says how reading ended. */
static bool find_outcome(const lab_reading *r, lab_reader_frame *frame,
                         const char **bytes) {
  size_t at = 0;
  while (lab_reading_next(r, &at, frame, bytes))
    if (frame->kind != LAB_READER_FILE)
      return true;
  return false;
}

static void write_reason(const lab_reading *r, int status, lab_buf *out) {
  lab_buf_printf(out, "%s: ", r->file);
  if (r->killed)
    lab_buf_puts(out, r->killed);
  else if (WIFSIGNALED(status) &&
           (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGXCPU ||
            WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGKILL))
    lab_buf_puts(out, "it doesn't come to an end");
  else if (WIFSIGNALED(status))
    lab_buf_printf(out, "reading it ends with signal %d (%s)", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
  else
    lab_buf_printf(out, "reading it ends with exit code %d",
                   WEXITSTATUS(status));
}

void lab_reading_end(lab_reading *r, lab_buf *out) {
  int status = 0;
  lab_reader_frame frame;
  const char *bytes;
  close(r->pipe);
  while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
    ;
  bool told = !r->killed && find_outcome(r, &frame, &bytes);
  if (told && frame.kind == LAB_READER_FAILED)
    lab_buf_printf(out, "%s: %.*s", r->file, (int)frame.size, bytes);
  else if (!told)
    write_reason(r, status, out);
}
