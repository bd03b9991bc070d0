/* SPDX-License-Identifier: MIT
 * See past.h.
 *
 *   file -> ask the VM -> write (libuv's pool) -> done
 *
 * A VM that is in C code answers late, and the file is written then: it still
 * tells of the seconds before the signal, if the ring has them. */
#include "app/past.h"

#include <errno.h>
#include <string.h>

#include "app/app.h"
#include "app/signal_file.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/write_all.h"
#include "inspect/flight.h"
#include "inspect/trace_names.h"
#include "inspect/trace_stacks.h"
#include "prof/attempt.h"

typedef struct past {
  lab_app *app;
  lab_flight_question question;
  lab_stack_hold stacks;
  lab_work work;
  uint64_t ns; /* what the file tells of */
  int rc;
  lab_signal_file file;
} past;

static void end_past(past *p, bool is_complete) {
  lab_signal_file_end(&p->file, is_complete);
  lab_flight_question_free(&p->question);
  lab_stack_hold_end(&p->stacks);
  lab_xfree(p);
}

static void give_up_past(past *p, const char *why) {
  lab_log("failed to write the trace %s: %s", p->file.path, why);
  end_past(p, false);
}

/* ---- on the pool --------------------------------------------------------- */

static int write_pieces(int fd) {
  lab_buf piece = LAB_BUF_INIT;
  int rc = 0;
  while (rc == 0 && lab_trace_take(&piece, true)) {
    rc = lab_write_all(fd, piece.data, piece.len);
    lab_buf_clear(&piece);
  }
  lab_buf_free(&piece);
  return rc;
}

static int write_tables(int fd) {
  lab_buf piece = LAB_BUF_INIT;
  int rc = 0;
  while (rc == 0 && lab_trace_tables(lab_trace_name, &piece)) {
    rc = lab_write_all(fd, piece.data, piece.len);
    lab_buf_clear(&piece);
  }
  lab_buf_free(&piece);
  return rc;
}

static int write_replay(past *p, lab_trace_replay *replay) {
  bool more = true;
  int rc = 0;
  while (rc == 0 && more) {
    more = lab_trace_replay_step(replay);
    rc = write_pieces(p->file.fd);
  }
  return rc ? rc : write_tables(p->file.fd);
}

static void write_past(lab_work *work) {
  past *p = LAB_CONTAINER(work, past, work);
  lab_trace_config config = {0};
  lab_trace_replay *replay = lab_trace_replay_new(
      &p->question.input, (uint64_t)p->app->config.flight_ns);
  lab_trace_configure(&config);
  p->ns = lab_trace_replay_ns(replay);
  p->rc = lab_trace_replay_open(replay, config, "", lab_attempt_now().since);
  if (p->rc == 0) {
    p->rc = write_replay(p, replay);
    lab_trace_close();
  }
  lab_trace_replay_free(replay);
}

/* ---- on the loop --------------------------------------------------------- */

static void on_past_written(lab_work *work) {
  past *p = LAB_CONTAINER(work, past, work);
  if (p->rc) {
    give_up_past(p, p->rc == -EBUSY ? "another trace is being recorded"
                                    : strerror(-p->rc));
    return;
  }
  lab_log("Wrote a trace of the last %.1f seconds to %s", (double)p->ns / 1e9,
          p->file.path);
  end_past(p, true);
}

static void on_past_taken(lab_call *call) {
  past *p = call->user;
  if (p->question.taken)
    lab_work_begin(&p->work, &p->app->loop, LAB_TURN_SOON, write_past,
                   on_past_written);
  else
    give_up_past(p, p->question.why);
}

void lab_app_write_past(lab_app *app) {
  if (!lab_flight_on() || !app->vm || app->stopping) {
    lab_log("There is no trace of the past: %s",
            app->stopping ? "the lab stops" : "the flight recorder is off");
    return;
  }
  past *p = lab_xcalloc(1, sizeof *p);
  p->app = app;
  if (!lab_signal_file_begin(&p->file, "trace", ".out")) {
    lab_xfree(p);
    return;
  }
  lab_stack_hold_begin(&p->stacks);
  p->question.call.answered = on_past_taken;
  p->question.call.user = p;
  lab_flight_ask(app->vm, &p->question);
}
