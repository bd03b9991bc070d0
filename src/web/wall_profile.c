/* SPDX-License-Identifier: MIT
 * See wall_profile.h. /debug/fgprof is the path of a well-known Go package that
 * makes such profiles.
 *
 *   begin -> the VM watches -> pause for SECONDS
 *         -> the VM looks at tasks that still wait -> write
 *
 * What the VM needs for that (watch) may live longer than the request: the
 * client may be gone before the VM begins. */
#include "web/wall_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "prof/wall.h"
#include "vm/vm.h"
#include "web/collapsed.h"
#include "web/keep.h"
#include "web/pprof_answer.h"
#include "web/recording.h"
#include "web/sampling.h"
#include "web/slow.h"
#include "web/web_internal.h"

/* A VM that doesn't answer in this time is in C code. */
enum { PATIENCE_MS = 5000 };

typedef struct watch {
  lab_call begin; /* to the VM */
  lab_slices end;
  unsigned under_way;   /* of the two */
  bool ended;           /* the second was sent */
  atomic_bool unwanted; /* nobody waits for the result of the second */
  lab_wall *wall;
  struct wall_profile *waiting; /* NULL: its request is over */
} watch;

typedef struct wall_profile {
  lab_slow slow;
  watch *watch;
  bool collected; /* the VM has told all */
  lab_keep keep;
  lab_timing timing;
  lab_collapsed collapsed;
  lab_buf out;
  int rc;
} wall_profile;

/* ---- calls to the VM ----------------------------------------------------- */

static void free_watch_if_over(watch *w) {
  if (w->waiting || w->under_way > 0)
    return;
  lab_wall_free(w->wall);
  lab_xfree(w);
}

static void begin_watch(lab_post *post) {
  lab_call *call = lab_call_of(post);
  lab_wall_watch(((watch *)call->user)->wall, call->vm->sched,
                 lab_lua_task_stack);
  lab_call_answer(call);
}

static bool collect_waits(lab_slices *s, lab_sched *sched) {
  watch *w = s->call.user;
  (void)sched;
  if (!atomic_load(&w->unwanted))
    return lab_wall_collect(w->wall);
  lab_wall_unwatch(w->wall);
  return false;
}

static void on_watch_answered(lab_call *call) {
  watch *w = call->user;
  w->under_way--;
  if (w->waiting && call == &w->end.call) {
    w->waiting->collected = true;
    lab_slow_wake(&w->waiting->slow);
  } else {
    free_watch_if_over(w);
  }
}

static void prepare_call(watch *w, lab_call *call) {
  call->answered = on_watch_answered;
  call->user = w;
  w->under_way++;
}

static void end_watch(watch *w, lab_vm *vm) {
  if (w->ended)
    return;
  w->ended = true;
  lab_wall_end(w->wall);
  prepare_call(w, &w->end.call);
  w->end.slice = collect_waits;
  lab_slices_send(vm, &w->end);
}

/* ---- the request --------------------------------------------------------- */

static void free_wall_request(lab_slow *s) {
  wall_profile *p = (wall_profile *)s;
  watch *w = p->watch;
  w->waiting = NULL;
  atomic_store(&w->unwanted, true);
  end_watch(w, s->web->config.vm);
  lab_wall_drop(w->wall);
  free_watch_if_over(w);
  lab_recording_end(s->web);
  lab_collapsed_free(&p->collapsed);
  lab_buf_free(&p->out);
}

static void write_wall_profile(lab_slow *s) {
  wall_profile *p = (wall_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_QUEUE);
  p->rc = lab_wall_write(p->watch->wall, &p->out);
  if (p->rc == 0)
    lab_collapsed_make(&p->collapsed, s->req, p->out.data, p->out.len);
  lab_timing_end(&p->timing, LAB_TIMING_ENCODE);
}

static void answer_wall_profile(lab_slow *s) {
  wall_profile *p = (wall_profile *)s;
  if (p->rc) {
    lab_web_pprof_error(s->req, 500, strerror(-p->rc));
  } else {
    lab_blob *file = lab_keep_recording(&p->keep, s->web, "wall", &p->out);
    if (p->collapsed.wanted)
      lab_collapsed_answer(&p->collapsed, s->req);
    else
      lab_web_pprof_file(s->req, "wall", "", &p->timing, file);
    lab_blob_unref(file);
  }
  lab_slow_end(s);
}

static void continue_with_waits(lab_slow *s) {
  wall_profile *p = (wall_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_COLLECT);
  if (p->collected) {
    lab_slow_work(s, write_wall_profile, answer_wall_profile);
    return;
  }
  lab_web_pprof_error(
      s->req, 503,
      s->web->stopping
          ? "the lab is stopping"
          : "the VM is busy in C code and can't tell what tasks wait "
            "for; ask for the CPU profile");
  lab_slow_end(s);
}

/* When the lab stops, this is still within lab_web_stop: the VM may be asked
 * for the last time. */
static void finish_wall_profile(lab_slow *s) {
  wall_profile *p = (wall_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_RECORD);
  lab_keep_stop(&p->keep, s->web);
  end_watch(p->watch, s->web->config.vm);
  lab_slow_pause(s, PATIENCE_MS, continue_with_waits);
}

static void begin_wall_profile(lab_web *web, lab_http_request *req, int hz,
                               int64_t seconds,
                               const lab_collapsed *collapsed) {
  lab_wall *wall;
  lab_err err;
  if (!lab_recording_begin(web, req))
    return;
  if (lab_wall_start(&wall, hz, &err)) {
    lab_recording_end(web);
    char text[sizeof err.text + 64];
    snprintf(text, sizeof text, "Could not enable profiling: %s", err.text);
    lab_web_pprof_error(req, 500, text);
    return;
  }
  wall_profile *p = lab_xcalloc(1, sizeof *p);
  watch *w = lab_xcalloc(1, sizeof *w);
  w->wall = wall;
  w->waiting = p;
  p->watch = w;
  lab_timing_begin(&p->timing);
  p->collapsed = *collapsed;
  p->keep = lab_keep_begin_recording(web, req);
  prepare_call(w, &w->begin);
  lab_call_send_ahead(web->config.vm, &w->begin, begin_watch);
  lab_slow_begin(&p->slow, web, req, free_wall_request);
  lab_slow_pause(&p->slow, (uint64_t)seconds * 1000, finish_wall_profile);
}

void lab_web_wall_profile(lab_web *web, lab_http_request *req) {
  lab_collapsed collapsed;
  int64_t seconds;
  int hz;
  if (!lab_web_read_sampling(req, &hz, &seconds) ||
      !lab_collapsed_read(req, &collapsed))
    return;
  if (web->stopping)
    lab_web_pprof_error(req, 503, "the lab is stopping");
  else
    begin_wall_profile(web, req, hz, seconds, &collapsed);
}
