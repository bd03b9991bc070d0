/* SPDX-License-Identifier: MIT
 * See folders.h. A folder that was ever read stays known until there are
 * FOLDERS_MAX. */
#include "scenario/folders.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/queue.h"
#include "base/table.h"
#include "plugin/plugin.h"
#include "scenario/reading.h"

enum { FOLDERS_MAX = 10000, AT_ONCE = 2, LOOK_MS = 50 };

/* A file that was read for a record, and what it was then. */
typedef struct source {
  char *path;
  lab_file_mark mark;
} source;

typedef struct record {
  lab_folder_record shown;
  source *sources; /* the first one is the folder's scenario.lua */
  size_t nsources;
  uint64_t primitives; /* lab_plugin_mark then */
  bool passing;        /* it says nothing about the next time */
  bool whole;          /* it has the lesson */
  atomic_uint references;
} record;

typedef struct folder {
  char *file;
  record *record;
} folder;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static folder *folders;
static size_t nfolders;
static lab_table by_file;
static atomic_bool stopped;
static atomic_bool with_lessons;

/* ---- records ------------------------------------------------------------- */

static void release_record(record *r) {
  if (!r || atomic_fetch_sub(&r->references, 1) > 1)
    return;
  for (size_t i = 0; i < r->nsources; i++)
    lab_xfree(r->sources[i].path);
  lab_xfree(r->sources);
  lab_buf_free(&r->shown.text);
  lab_xfree(r);
}

static void add_source(record *r, const char *path, size_t len,
                       const lab_file_mark *mark) {
  r->sources = lab_xrealloc(r->sources, (r->nsources + 1) * sizeof *r->sources);
  r->sources[r->nsources++] = (source){lab_xmemdup0(path, len), *mark};
  r->passing |= lab_file_mark_is_young(mark);
}

static record *new_record(const char *file) {
  record *r = lab_xcalloc(1, sizeof *r);
  lab_file_mark mark = lab_file_mark_of(file);
  atomic_init(&r->references, 1);
  r->primitives = lab_plugin_mark();
  add_source(r, file, strlen(file), &mark);
  return r;
}

static bool is_record_current(const record *r) {
  bool current = !r->passing && r->primitives == lab_plugin_mark();
  for (size_t i = 0; current && i < r->nsources; i++) {
    lab_file_mark now = lab_file_mark_of(r->sources[i].path);
    current = lab_file_mark_is_same(&now, &r->sources[i].mark);
  }
  return current;
}

static void fail_record(record *r, const char *why) {
  r->shown.failed = true;
  r->passing = true;
  lab_buf_printf(&r->shown.text, "%s: %s", r->sources[0].path, why);
}

/* Fills in R from what the process wrote, and ends the reading. */
static void fill_record(record *r, lab_reading *reading) {
  lab_reader_frame frame;
  const char *bytes;
  lab_reading_end(reading, &r->shown.text);
  r->shown.failed = r->shown.text.len > 0;
  for (size_t at = 0; lab_reading_next(reading, &at, &frame, &bytes);)
    if (frame.kind == LAB_READER_FILE)
      add_source(r, bytes, frame.size, &frame.mark);
    else if (frame.kind == LAB_READER_RECORD && !r->shown.failed)
      lab_buf_append(&r->shown.text, bytes, frame.size);
  r->passing |= reading->killed != NULL;
  lab_buf_free(&reading->got);
  reading->file = NULL;
}

/* ---- what is known; under the lock --------------------------------------- */

static folder *find_folder(const char *file) {
  lab_table_walk walk =
      lab_table_find(&by_file, lab_hash_bytes(file, strlen(file), 0));
  uint32_t id = lab_table_next(&walk);
  while (id && strcmp(folders[id - 1].file, file) != 0)
    id = lab_table_next(&walk);
  return id ? &folders[id - 1] : NULL;
}

static void forget_folders(void) {
  for (size_t i = 0; i < nfolders; i++) {
    lab_xfree(folders[i].file);
    release_record(folders[i].record);
  }
  lab_xfree(folders);
  lab_table_free(&by_file);
  folders = NULL;
  nfolders = 0;
}

static folder *add_folder(const char *file) {
  if (nfolders == FOLDERS_MAX)
    forget_folders();
  folders = lab_xrealloc(folders, (nfolders + 1) * sizeof *folders);
  folders[nfolders++] = (folder){.file = lab_xstrdup(file)};
  lab_table_add(&by_file, lab_hash_bytes(file, strlen(file), 0),
                (uint32_t)nfolders);
  return &folders[nfolders - 1];
}

/* ---- with the lock ------------------------------------------------------- */

static record *take_record(const char *file) {
  pthread_mutex_lock(&lock);
  folder *f = find_folder(file);
  record *r = f ? f->record : NULL;
  if (r)
    atomic_fetch_add(&r->references, 1);
  pthread_mutex_unlock(&lock);
  return r;
}

static void keep_record(const char *file, record *r) {
  pthread_mutex_lock(&lock);
  folder *f = find_folder(file);
  if (!f)
    f = add_folder(file);
  record *before = f->record;
  f->record = r;
  pthread_mutex_unlock(&lock);
  release_record(before);
}

static bool is_known(const char *file, bool whole) {
  record *r = take_record(file);
  bool known = r && (r->whole || !whole) && is_record_current(r);
  release_record(r);
  return known;
}

/* ---- reading ------------------------------------------------------------- */

typedef struct batch {
  lab_reading readings[AT_ONCE];
  record *records[AT_ONCE]; /* that they fill in */
  size_t busy;
} batch;

static void begin_reading(batch *b, const char *file, bool whole) {
  size_t i = 0;
  while (b->readings[i].file)
    i++;
  record *r = new_record(file);
  r->whole = whole;
  int rc = lab_reading_begin(&b->readings[i], file, whole);
  if (rc) {
    r->shown.delayed = rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
    fail_record(r, strerror(-rc));
    keep_record(file, r);
    return;
  }
  b->records[i] = r;
  b->busy++;
}

static void finish_reading(batch *b, size_t i) {
  const char *file = b->readings[i].file;
  fill_record(b->records[i], &b->readings[i]);
  keep_record(file, b->records[i]);
  b->busy--;
}

/* Waits until at least one process has something to say, or for LOOK_MS. */
static void attend_readings(batch *b) {
  struct pollfd polls[AT_ONCE];
  for (size_t i = 0; i < AT_ONCE; i++)
    polls[i] = (struct pollfd){
        .fd = b->readings[i].file ? b->readings[i].pipe : -1, .events = POLLIN};
  poll(polls, AT_ONCE, LOOK_MS);
  for (size_t i = 0; i < AT_ONCE; i++) {
    if (!b->readings[i].file)
      continue;
    if (atomic_load(&stopped))
      lab_reading_kill(&b->readings[i], "the lab is stopping");
    if (lab_reading_take(&b->readings[i]))
      finish_reading(b, i);
  }
}

void lab_folders_read(const char *const *files, size_t n, bool whole) {
  batch b = {.busy = 0};
  whole |= atomic_load(&with_lessons);
  for (size_t i = 0; i < n && !atomic_load(&stopped); i++) {
    if (is_known(files[i], whole))
      continue;
    while (b.busy == AT_ONCE)
      attend_readings(&b);
    begin_reading(&b, files[i], whole);
  }
  while (b.busy > 0)
    attend_readings(&b);
}

bool lab_folders_are_known(const char *const *files, size_t n) {
  bool known = true;
  for (size_t i = 0; known && i < n; i++)
    known = is_known(files[i], atomic_load(&with_lessons));
  return known;
}

const lab_folder_record *lab_folders_get(const char *file) {
  record *r = take_record(file);
  return r ? &r->shown : NULL;
}

void lab_folders_release(const lab_folder_record *shown) {
  if (shown)
    release_record(LAB_CONTAINER(shown, record, shown));
}

void lab_folders_want_lessons(void) {
  with_lessons = true;
}

void lab_folders_stop(bool stop) {
  atomic_store(&stopped, stop);
}
