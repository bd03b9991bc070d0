/* SPDX-License-Identifier: MIT
 * See named_profile.h. A profile shows the present (debug=N is text), or with
 * seconds=N what was added in N seconds. With gc=1, for heap only, garbage is
 * collected before each snapshot. Cumulative profiles begin with the present
 * step; with since=start they begin with the start of the lab.
 *
 *   parse -> [obtain the one before -> pause for SECONDS] -> obtain -> write
 *
 * A snapshot is taken on libuv's pool; or the VM takes it, and the request
 * waits for that. A dump (goroutine?debug=2) is written in parts, each when the
 * client has received the one before: the text for a million tasks has 300 MB,
 * which must not be in memory at once. */
#include "web/named_profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/nearest.h"
#include "prof/registry.h"
#include "script/script.h"
#include "stack/stack.h"
#include "web/collapsed.h"
#include "web/keep.h"
#include "web/number.h"
#include "web/pack.h"
#include "web/pprof_answer.h"
#include "web/recording.h"
#include "web/since.h"
#include "web/slow.h"
#include "web/web_internal.h"

static const char PREFIX[] = "/debug/pprof/";
enum {
  GC_MS = 1000, /* then a collection is given up */
  AGAIN_MS = 20,
  INSIST = 50, /* attempts, which take a second; the next one insists */
};
static const uint64_t FOREVER = UINT64_MAX;

typedef struct named_profile {
  lab_slow slow;
  const lab_profile_kind *kind;
  int64_t debug, seconds;
  bool whole;            /* since=start, where that makes a difference */
  lab_stack_hold stacks; /* for the snapshots: */
  void *before, *now;
  struct collection *collection; /* under way for this profile, or NULL */
  bool gc, collected;            /* it is asked for; it was done */
  struct question *question;     /* likewise */
  void **place;                  /* where the next snapshot goes */
  void (*obtained)(lab_slow *s); /* goes on with it, or without garbage */
  char why[128];                 /* why there is no snapshot */
  bool again;                    /* there may be one a moment later */
  unsigned tries;                /* attempts that failed */
  void *stream;                  /* kind->dump's, while it is written */
  bool more;                     /* the stream isn't at its end */
  lab_collapsed collapsed;
  lab_buf out;
  lab_buf kept;   /* what is kept, if that isn't what is answered: since.h */
  lab_buf packed; /* the text in `out`, for a client that takes it packed */
  lab_gzip *gzip; /* a dump is packed, part by part; or NULL */
  bool is_packed;
  int rc;
  lab_keep keep;
  lab_timing timing;
} named_profile;

/* A forced collection. It may live longer than its request: the client may be
 * gone when the VM answers. */
typedef struct collection {
  lab_collection garbage;
  named_profile *waiting; /* NULL: the request is over */
} collection;

/* A kind->request, and the VM's answer. It, too, may live longer than the
 * request. */
typedef struct question {
  lab_profile_request request;
  const lab_profile_kind *kind;
  named_profile *waiting;
} question;

/* ---- the answer ---------------------------------------------------------- */

/* The profile.proto in p->out, if that is what is kept. */
static lab_blob *keep_file(named_profile *p) {
  lab_web *web = p->slow.web;
  return p->before ? lab_keep_delta(&p->keep, web, p->kind->name, &p->out)
                   : lab_keep_total(&p->keep, web, p->kind->name, &p->out);
}

/* What was made of the snapshot before it became whole. */
static void keep_part(named_profile *p) {
  if (p->kept.len > 0)
    lab_blob_unref(
        lab_keep_total(&p->keep, p->slow.web, p->kind->name, &p->kept));
}

static void write_kept_file(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  p->rc = p->kind->write(p->now, p->before, &p->out);
}

static void keep_written_file(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (p->rc == 0)
    lab_blob_unref(keep_file(p));
  lab_slow_end(s);
}

static void answer_named_profile(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (p->rc) {
    lab_web_pprof_error(s->req, 500, strerror(-p->rc));
  } else if (p->debug) {
    lab_web_pprof_text(s->req, p->is_packed, &p->timing,
                       p->is_packed ? &p->packed : &p->out);
    lab_buf_clear(&p->out);
    if (!p->whole) { /* what is kept is the same snapshot */
      lab_keep_later(&p->keep, s, write_kept_file, keep_written_file);
      return;
    }
    keep_part(p);
  } else {
    lab_blob *file = p->whole ? lab_blob_take(&p->out) : keep_file(p);
    if (p->whole)
      keep_part(p);
    if (p->collapsed.wanted)
      lab_collapsed_answer(&p->collapsed, s->req);
    else
      lab_web_pprof_file(s->req, p->kind->name, p->before ? "-delta" : "",
                         &p->timing, file);
    lab_blob_unref(file);
  }
  lab_slow_end(s);
}

static void refuse_named_profile(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_web_pprof_error(s->req, 503, *p->why ? p->why : "the lab is stopping");
  lab_slow_end(s);
}

/* ---- snapshots ----------------------------------------------------------- */

static void take_on_pool(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  *p->place = p->kind->take(p->kind);
}

static void on_snapshot_taken(lab_profile_request *r) {
  question *q = LAB_CONTAINER(r, question, request);
  named_profile *p = q->waiting;
  if (p) {
    *p->place = r->snapshot;
    memcpy(p->why, r->why, sizeof p->why);
    p->again = r->again;
    p->question = NULL;
  } else if (r->snapshot) {
    q->kind->free(r->snapshot);
  }
  lab_xfree(q);
  if (p)
    lab_slow_wake(&p->slow);
}

static void obtain_snapshot(named_profile *p, void **place,
                            void (*next)(lab_slow *s));

static void obtain_snapshot_again(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  obtain_snapshot(p, p->place, p->obtained);
}

static void continue_with_snapshot(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (*p->place) {
    p->tries = 0;
    p->obtained(s);
  } else if (p->again) {
    p->tries++;
    lab_slow_pause(s, AGAIN_MS, obtain_snapshot_again);
  } else {
    refuse_named_profile(s);
  }
}

static void ask_for_snapshot(named_profile *p) {
  question *q = lab_xcalloc(1, sizeof *q);
  q->request.taken = on_snapshot_taken;
  q->request.insists = p->tries >= INSIST;
  q->kind = p->kind;
  q->waiting = p;
  p->question = q;
  p->kind->request(&q->request);
  lab_slow_pause(&p->slow, FOREVER, continue_with_snapshot);
}

/* Calls NEXT when there is a snapshot in *PLACE. */
static void obtain_snapshot(named_profile *p, void **place,
                            void (*next)(lab_slow *s)) {
  p->place = place;
  p->obtained = next;
  if (p->kind->take)
    lab_slow_work(&p->slow, take_on_pool, next);
  else if (p->slow.web->stopping)
    refuse_named_profile(&p->slow);
  else
    ask_for_snapshot(p);
}

/* ---- garbage first ------------------------------------------------------- */

static void on_garbage_collected(lab_call *call) {
  collection *c = call->user;
  if (c->waiting) {
    c->waiting->collection = NULL;
    c->waiting->collected = c->garbage.done;
    lab_slow_wake(&c->waiting->slow);
  }
  lab_xfree(c);
}

static void continue_after_garbage(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (!p->collection && p->collected) {
    p->obtained(s);
    return;
  }
  lab_web_pprof_error(s->req, 503,
                      "the VM is busy and can't collect garbage now; ask "
                      "without gc=1");
  lab_slow_end(s);
}

/* Calls NEXT when the garbage is gone, if that was asked for. */
static void collect_garbage_first(named_profile *p, void (*next)(lab_slow *s)) {
  p->obtained = next;
  if (!p->gc || p->slow.web->stopping) {
    next(&p->slow);
    return;
  }
  collection *c = lab_xcalloc(1, sizeof *c);
  c->waiting = p;
  c->garbage.call.answered = on_garbage_collected;
  c->garbage.call.user = c;
  p->collection = c;
  lab_vm_collect_garbage(p->slow.web->config.vm, &c->garbage);
  lab_slow_pause(&p->slow, GC_MS, continue_after_garbage);
}

/* ---- a dump -------------------------------------------------------------- */

static void pack_dump_part(named_profile *p) {
  if (!p->gzip)
    return;
  lab_gzip_write(p->gzip, p->out.data, p->out.len);
  lab_buf_clear(&p->out);
  if (!p->more)
    lab_pack_end(&p->gzip);
}

static void write_dump_part(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (!p->stream)
    p->stream = p->kind->dump->begin(p->now);
  p->more = p->kind->dump->next(p->stream, &p->out);
  pack_dump_part(p);
}

static void send_dump_part(lab_slow *s);

static void continue_dump(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (!s->web->stopping) {
    lab_slow_work(s, write_dump_part, send_dump_part);
    return;
  }
  lab_buf_puts(&p->out, "The lab is stopping: the rest is missing.\n");
  p->more = false;
  pack_dump_part(p);
  send_dump_part(s);
}

static void send_dump_part(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_buf *part = p->is_packed ? &p->packed : &p->out;
  int rc = lab_http_stream_write(s->req, part);
  if (rc || !p->more) {
    lab_http_stream_end(s->req);
    lab_keep_later(&p->keep, &p->slow, write_kept_file, keep_written_file);
  } else if (lab_http_stream_pending(s->req) > 0) {
    lab_slow_pause(s, FOREVER, continue_dump);
  } else {
    continue_dump(s);
  }
}

static void on_dump_drained(lab_http_request *req, void *arg) {
  (void)req;
  lab_slow_wake(arg);
}

static void begin_dump_answer(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_buf headers = LAB_BUF_INIT;
  p->gzip = lab_pack_begin(s->req, &p->packed);
  p->is_packed = p->gzip != NULL;
  lab_timing_write(&p->timing, &headers);
  lab_buf_puts(&headers, p->is_packed ? LAB_PACK_IS : LAB_PACK_MAY);
  lab_buf_append(&headers, LAB_WEB_NOSNIFF, sizeof LAB_WEB_NOSNIFF);
  lab_http_stream_begin(s->req, 200, LAB_WEB_TEXT, headers.data);
  lab_buf_free(&headers);
  if (lab_http_is_head(s->req)) {
    lab_http_stream_end(s->req);
    lab_slow_end(s);
    return;
  }
  lab_http_stream_on_drain(s->req, on_dump_drained, s);
  continue_dump(s);
}

/* ---- the work ------------------------------------------------------------ */

static void make_whole(named_profile *p) {
  if (p->keep.wanted && p->kind->write(p->now, NULL, &p->kept))
    lab_buf_clear(&p->kept);
  p->kind->whole(p->now);
}

/* A negative DEBUG asks for text, too. */
static void write_named_profile(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_QUEUE);
  if (p->whole)
    make_whole(p);
  if (p->debug) {
    p->kind->write_text(p->now, p->debug > 1 ? 2 : 1, &p->out);
    p->is_packed = lab_pack_text(s->req, &p->out, &p->packed);
  } else {
    p->rc = p->kind->write(p->now, p->before, &p->out);
    if (p->rc == 0)
      lab_collapsed_make(&p->collapsed, s->req, p->out.data, p->out.len);
  }
  lab_timing_end(&p->timing, LAB_TIMING_ENCODE);
}

static void use_last_snapshot(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_COLLECT);
  lab_keep_stop(&p->keep, s->web);
  if (p->kind->dump && p->debug > 1)
    begin_dump_answer(s);
  else
    lab_slow_work(s, write_named_profile, answer_named_profile);
}

static void take_last_snapshot(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  obtain_snapshot(p, &p->now, use_last_snapshot);
}

static void end_delta(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_RECORD);
  collect_garbage_first(p, take_last_snapshot);
}

static void wait_for_delta(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  lab_timing_end(&p->timing, LAB_TIMING_COLLECT);
  lab_slow_pause(s, (uint64_t)p->seconds * 1000, end_delta);
}

static void take_first_snapshot(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  obtain_snapshot(p, &p->before, wait_for_delta);
}

static void free_named_profile(lab_slow *s) {
  named_profile *p = (named_profile *)s;
  if (p->collection)
    p->collection->waiting = NULL;
  if (p->question) {
    p->question->waiting = NULL;
    atomic_store(&p->question->request.withdrawn, true);
  }
  if (p->stream)
    p->kind->dump->end(p->stream);
  if (p->before)
    p->kind->free(p->before);
  if (p->now)
    p->kind->free(p->now);
  lab_stack_hold_end(&p->stacks);
  lab_pack_end(&p->gzip);
  lab_collapsed_free(&p->collapsed);
  lab_buf_free(&p->out);
  lab_buf_free(&p->packed);
  lab_buf_free(&p->kept);
  lab_registry_release(p->kind);
  if (p->seconds > 0)
    lab_recording_end(s->web);
}

/* ---- the question -------------------------------------------------------- */

static const lab_profile_kind *find_profile_kind(const lab_http_request *req) {
  return lab_registry_find(lab_http_path(req).data + sizeof PREFIX - 1);
}

/* Go's words, and then what may have been meant. */
static void refuse_unknown_profile(lab_http_request *req) {
  enum { OTHERS = 3 };
  const char *known[LAB_REGISTRY_MAX + OTHERS + 1] = {"profile", "wall",
                                                      "trace"};
  const lab_profile_kind *kinds[LAB_REGISTRY_MAX];
  size_t nkinds = lab_registry_list(kinds), n = OTHERS;
  for (size_t i = 0; i < nkinds; i++)
    known[n++] = kinds[i]->name;
  const char *given = lab_http_path(req).data + sizeof PREFIX - 1;
  const char *meant = lab_nearest(given, known, n);
  lab_buf text = LAB_BUF_INIT;
  lab_buf_puts(&text, "Unknown profile\n");
  if (meant)
    lab_buf_printf(&text, "did you mean %s? ", meant);
  lab_buf_puts(&text, "There are:");
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(&text, " %s", known[i]);
  lab_buf_putc(&text, '\0');
  lab_web_pprof_error(req, 404, text.data);
  lab_buf_free(&text);
  for (size_t i = 0; i < nkinds; i++)
    lab_registry_release(kinds[i]);
}

/* What is wrong with the parameters, or NULL. */
static const char *find_wrong_parameter(const lab_profile_kind *kind,
                                        const char *seconds_text, int64_t debug,
                                        int64_t *seconds) {
  *seconds = 0;
  if (*seconds_text == '\0')
    return NULL;
  if (lab_web_atoi(seconds_text, seconds) || *seconds <= 0)
    return "invalid value for \"seconds\" - must be a positive integer";
  if (kind->has_no_delta)
    return "\"seconds\" parameter is not supported for this profile type";
  if (debug)
    return "seconds and debug params are incompatible";
  if (*seconds > LAB_WEB_SECONDS_MAX)
    return "\"seconds\" must be at most 600";
  return NULL;
}

/* Takes KIND, which is held. */
static void begin_named_profile(lab_web *web, lab_http_request *req,
                                const lab_profile_kind *kind, int64_t debug,
                                int64_t seconds, bool whole,
                                const lab_collapsed *collapsed) {
  named_profile *p = lab_xcalloc(1, sizeof *p);
  p->kind = kind;
  p->debug = debug;
  p->collapsed = *collapsed;
  p->seconds = seconds;
  p->gc = strcmp(kind->name, "heap") == 0 && lab_web_number(req, "gc") > 0;
  p->whole = whole && kind->whole && seconds == 0;
  p->keep = lab_keep_begin(web, req);
  lab_timing_begin(&p->timing);
  lab_stack_hold_begin(&p->stacks);
  lab_slow_begin(&p->slow, web, req, free_named_profile);
  collect_garbage_first(p, seconds ? take_first_snapshot : take_last_snapshot);
}

void lab_web_named_profile(lab_web *web, lab_http_request *req) {
  const lab_profile_kind *kind = find_profile_kind(req);
  char seconds_text[64] = "";
  int64_t seconds, debug = lab_web_number(req, "debug");
  if (!kind) {
    refuse_unknown_profile(req);
    return;
  }
  int len =
      lab_http_form_get(req, "seconds", seconds_text, sizeof seconds_text);
  if (len < 0 && len != -ENOENT)
    memcpy(seconds_text, "x", 2); /* it is no number */
  const char *fault = find_wrong_parameter(kind, seconds_text, debug, &seconds);
  bool whole;
  if (!fault && lab_web_since(req, &whole))
    fault = LAB_WEB_WRONG_SINCE;
  lab_collapsed collapsed;
  if (fault) {
    lab_web_pprof_error(req, 400, fault);
  } else if (lab_collapsed_read(req, &collapsed) &&
             (seconds == 0 || lab_recording_begin(web, req))) {
    begin_named_profile(web, req, kind, debug, seconds, whole, &collapsed);
    return;
  }
  lab_registry_release(kind);
}
