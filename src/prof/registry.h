/* SPDX-License-Identifier: MIT
 * The named profiles, as runtime/pprof's table: /debug/pprof/ lists it and
 * /debug/pprof/NAME is one generic handler over it. (The CPU profile and the
 * execution trace are not in it: they need time.)
 *
 * Some are always there. Others belong to a visit of a step, and are shown as
 * long as that is served (custom.h). They may come to an end while somebody
 * reads them, so who finds one holds it until lab_registry_release.
 *
 * Threads: any, but add, remove and mark: the VM's, or before the server
 * starts. */
#ifndef LAB_PROF_REGISTRY_H
#define LAB_PROF_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "prof/contention_text.h"
#include "prof/files.h"
#include "prof/heap_kinds.h"
#include "prof/threads.h"

/* A request for a snapshot. The caller sets `taken`, and keeps the memory until
 * that was called. */
typedef struct lab_profile_request {
  /* On the control thread, once, and never from within kind->request. */
  void (*taken)(struct lab_profile_request *r);
  void *snapshot; /* the caller's from then on; NULL: see the next two */
  char why[128];  /* why there is none; "": withdrawn, or the program ends */
  bool again;     /* something else was more urgent: ask again in a moment */
  /* Set by the caller: `again` was the answer often enough, so this is more
   * urgent than that a step is entered; but not than that one is left. */
  bool insists;
  /* Any thread may set it: the snapshot isn't wanted any more. */
  atomic_bool withdrawn;
} lab_profile_request;

/* A text form that may be too large for one buffer. */
typedef struct lab_profile_stream {
  void *(*begin)(const void *snapshot); /* which outlives the stream */
  /* Appends the next part to OUT; false at the end. Slow. */
  bool (*next)(void *stream, lab_buf *out);
  void (*end)(void *stream);
} lab_profile_stream;

typedef struct lab_profile_kind {
  const char *name;        /* "heap" */
  const char *description; /* one sentence for the index page */
  /* The visit to which it belongs (lab_task.generation); 0: none, it is always
   * there. */
  uint32_t generation;
  /* One owner more, one less. Any thread. NULL: it is always there. */
  void (*hold)(const struct lab_profile_kind *kind);
  void (*release)(const struct lab_profile_kind *kind);
  /* What the index page says: of how many things, or records, a profile tells
   * that is asked for now, as its link does. Quick. */
  size_t (*count)(const struct lab_profile_kind *kind);
  /* A snapshot, so that the slow part can happen on another thread and a
   * delta can be made of two. The caller gives it to free. */
  void *(*take)(const struct lab_profile_kind *kind);
  /* In place of take (which is NULL then), where another thread has to do it:
   * begins, and returns at once. Control thread. */
  void (*request)(lab_profile_request *r);
  void (*free)(void *snapshot);
  /* Appends the gzip'ed profile.proto of NOW, minus BEFORE unless that is
   * NULL. Slow (symbols): not on the control thread. 0 or negative errno. */
  int (*write)(const void *now, const void *before, lab_buf *out);
  /* Appends the text form for DEBUG >= 1. As slow. */
  void (*write_text)(const void *now, int debug, lab_buf *out);
  /* What is written for DEBUG >= 2; NULL: write_text does it. */
  const lab_profile_stream *dump;
  /* There is no difference of two snapshots (`seconds=N`), so BEFORE is always
   * NULL: true for custom profiles, as in Go. */
  bool has_no_delta;
  /* Cumulative profiles begin at zero: a step, whose tasks have this generation
   * (lab_task.generation), is about to be entered, or has been entered just
   * now. Quick. Keeps the labels and the stacks that it goes on using
   * (lab_label_keep, lab_stack_keep). NULL: nothing to do. */
  void (*mark)(const struct lab_profile_kind *kind, uint32_t generation);
  /* Cumulative profiles: SNAPSHOT, which shows what was counted since the mark,
   * is to show what was counted since the process began. NULL: that makes no
   * difference. A difference of two snapshots never depends on marks. */
  void (*whole)(void *snapshot);
} lab_profile_kind;

enum { LAB_REGISTRY_MAX = 32 }; /* that are shown at the same time */

/* Enters KIND, which must stay valid until it is removed. Two kinds of one name
 * and generation are a fault of the program, which aborts. */
void lab_registry_add(const lab_profile_kind *kind);
void lab_registry_remove(const lab_profile_kind *kind);
/* The one that is shown under NAME; NULL if there is none. Held. */
const lab_profile_kind *lab_registry_find(const char *name);
/* All that are shown, in the order of names; returns how many. Each is held. */
size_t lab_registry_list(const lab_profile_kind *out[LAB_REGISTRY_MAX]);
void lab_registry_release(const lab_profile_kind *kind);
/* Writes the names of those that are the step's own: a list. */
void lab_registry_write_own(lab_json *j);
/* Marks all of them, and label.h; a new visit begins for stack.h. From now on
 * the profiles of the visit GENERATION are shown (0: those of none). */
void lab_registry_mark(uint32_t generation);

#endif
