/* SPDX-License-Identifier: MIT
 * See pipe.h. */
#include "services/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc.h"
#include "services/services.h"
#include "vm/vm.h"

enum { IN, PIPES = 3, PIECE_MAX = 64 << 10 };

/* What the loop has of a pipe, from the first time that somebody waits. */
typedef struct pipe_watch {
  uv_poll_t poll;
  lab_pipe *pipe;
} pipe_watch;

/* ---- making them: any thread --------------------------------------------- */

/* The child reads from its descriptor 0, and writes to the others. */
static int make_pipe(lab_pipe_ends *ends, int i, uint32_t stack,
                     uint32_t label) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0)
    return -errno;
  int ours = fds[i == IN], theirs = fds[i != IN];
  fcntl(ours, F_SETFL, O_NONBLOCK); /* this end only */
  int rc = lab_fd_enter(ours, stack, label);
  if (rc) {
    close(ours);
    close(theirs);
    return rc;
  }
  ends->ours[i] = ours;
  ends->theirs[i] = theirs;
  return 0;
}

int lab_pipe_ends_make(lab_pipe_ends *ends, const bool wanted[3],
                       uint32_t stack, uint32_t label) {
  int rc = 0;
  for (int i = 0; i < PIPES && rc == 0; i++)
    if (wanted[i])
      rc = make_pipe(ends, i, stack, label);
  if (rc) {
    lab_pipe_ends_close_theirs(ends);
    lab_pipe_ends_close_ours(ends);
  }
  return rc;
}

void lab_pipe_ends_close_theirs(lab_pipe_ends *ends) {
  for (int i = 0; i < PIPES; i++) {
    if (ends->theirs[i])
      close(ends->theirs[i]);
    ends->theirs[i] = 0;
  }
}

void lab_pipe_ends_close_ours(lab_pipe_ends *ends) {
  for (int i = 0; i < PIPES; i++) {
    if (ends->ours[i]) {
      lab_fd_leave(ends->ours[i]);
      close(ends->ours[i]);
    }
    ends->ours[i] = 0;
  }
}

/* ---- closing ------------------------------------------------------------- */

static void free_pipe_watch(uv_handle_t *handle) {
  lab_xfree(LAB_CONTAINER((uv_poll_t *)handle, pipe_watch, poll));
}

void lab_services_close_pipe(lab_pipe *pipe) {
  pipe_watch *watch = pipe->impl;
  if (!pipe->fd)
    return;
  if (watch)
    uv_close((uv_handle_t *)&watch->poll, free_pipe_watch);
  pipe->impl = NULL;
  close(pipe->fd);
  pipe->fd = 0;
}

void lab_services_drop_pipe(lab_pipe *pipe) {
  if (pipe->fd)
    lab_errand_give(&pipe->child->errand, pipe->fd);
  lab_services_close_pipe(pipe);
}

/* ---- waiting ------------------------------------------------------------- */

static void feed_child(lab_pipe *pipe);

static bool is_input(const lab_pipe *pipe) {
  return pipe == &pipe->child->pipes[IN];
}

/* STATUS is an error also where the other end was closed: then writing says
 * what is the matter. */
static void on_pipe_ready(uv_poll_t *poll, int status, int events) {
  lab_pipe *pipe = LAB_CONTAINER(poll, pipe_watch, poll)->pipe;
  (void)status;
  (void)events;
  uv_poll_stop(poll);
  if (is_input(pipe) && pipe->child->input)
    feed_child(pipe);
  else
    lab_sched_post(pipe->child->errand.vm->sched, &pipe->ready);
}

/* 0, or a negative errno: the kernel can't watch any more of them. */
static int begin_pipe_watch(lab_pipe *pipe) {
  pipe_watch *watch = lab_xcalloc(1, sizeof *watch);
  int rc = uv_poll_init(lab_services_loop_of(&pipe->child->errand),
                        &watch->poll, pipe->fd);
  if (rc) {
    lab_xfree(watch);
    return rc;
  }
  watch->pipe = pipe;
  pipe->impl = watch;
  return 0;
}

/* Has on_pipe_ready called. 0 or a negative errno. */
static int await_pipe(lab_pipe *pipe) {
  int rc = pipe->impl ? 0 : begin_pipe_watch(pipe);
  pipe_watch *watch = pipe->impl;
  int events = is_input(pipe) ? UV_WRITABLE : UV_READABLE;
  return rc ? rc : uv_poll_start(&watch->poll, events, on_pipe_ready);
}

void lab_services_wait_pipe(lab_pipe *pipe) {
  pipe->error = await_pipe(pipe);
  if (pipe->error)
    lab_sched_post(pipe->child->errand.vm->sched, &pipe->ready);
}

/* ---- what a child is to read --------------------------------------------- */

/* Writes a piece of it: the loop has other things to do between two. */
static void feed_child(lab_pipe *pipe) {
  lab_child *child = pipe->child;
  size_t left = child->input_size - child->input_done;
  ssize_t n = write(pipe->fd, child->input + child->input_done,
                    left < PIECE_MAX ? left : PIECE_MAX);
  if (n > 0)
    child->input_done += (size_t)n;
  bool goes_on = n >= 0 || errno == EAGAIN || errno == EINTR;
  if (goes_on && child->input_done < child->input_size && await_pipe(pipe) == 0)
    return;
  /* It has all of it, or it doesn't read any more. */
  lab_services_drop_pipe(pipe);
  lab_counted_free(child->input, child->input_size);
  child->input = NULL;
}

void lab_services_give_pipes(lab_child *child, const lab_pipe_ends *ends) {
  for (int i = 0; i < PIPES; i++) {
    child->pipes[i].child = child;
    child->pipes[i].fd = ends->ours[i];
  }
  if (child->input)
    feed_child(&child->pipes[IN]);
}
