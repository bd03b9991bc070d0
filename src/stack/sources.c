/* SPDX-License-Identifier: MIT
 * See sources.h. This is the registry of chunks; luanames.c finds the names.
 *
 * All strings are interned. So they stay valid when a chunk is registered
 * again, and a chunk that is loaded a thousand times takes memory once. */
#include "stack/sources.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stack/frame.h"
#include "stack/intern.h"
#include "stack/luanames.h"

typedef struct named {
  int line, order;
  const char *name;
} named;

typedef struct source {
  const char *chunk;
  size_t len; /* of its name */
  const char *path, *prefix;
  const char *text; /* the caller's, until the names are found; then NULL */
  size_t text_len;
  named *names; /* by line and order; the first is the chunk itself, line 0 */
  size_t count;
} source;

static struct {
  pthread_mutex_t lock;
  lab_shelf shelf;
  lab_table table;
  uint32_t count;
} sources = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .shelf = {.item = sizeof(source)}};

/* How many bytes of the chunk's name identify it (see frame.h). */
static size_t measure_chunk(const char *chunk) {
  return strnlen(chunk, LAB_FUNC_NAME_MAX);
}

/* Under the lock. */
static source *find_source(const char *chunk, size_t len, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&sources.table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    source *s = lab_shelf_at(&sources.shelf, id - 1);
    if (s->len == len && memcmp(s->chunk, chunk, len) == 0)
      return s;
  }
  return NULL;
}

/* Under the lock. NULL if the chunk isn't known and MAKE is false. */
static source *get_source(const char *chunk, bool make) {
  size_t len = measure_chunk(chunk);
  uint64_t hash = lab_intern_hash(chunk, len, 0);
  source *s = find_source(chunk, len, hash);
  if (s || !make)
    return s;
  uint32_t id = ++sources.count;
  s = lab_shelf_make(&sources.shelf, id - 1);
  s->chunk = lab_intern_string(chunk, len);
  s->len = len;
  lab_intern_add(&sources.table, hash, id);
  return s;
}

static const char *add_prefix(const char *prefix, const char *name) {
  enum { LONGEST = LAB_FUNC_NAME_MAX - LAB_LUANAME_MAX };
  char full[LAB_FUNC_NAME_MAX + 1];
  snprintf(full, sizeof full, "%.*s.%s", LONGEST, prefix, name);
  return lab_intern_text(full);
}

static named *find_names(const char *prefix, const char *text, size_t len,
                         size_t *count) {
  lab_luaname *found;
  size_t n = lab_luanames_find(text, len, &found);
  named *names = lab_xmalloc((n + 1) * sizeof *names);
  names[0] = (named){0, 0, add_prefix(prefix, "<main>")};
  for (size_t i = 0; i < n; i++)
    names[i + 1] = (named){found[i].line, found[i].order,
                           add_prefix(prefix, found[i].name)};
  lab_xfree(found);
  *count = n + 1;
  return names;
}

/* Under the lock. */
static void find_late_names(source *s) {
  if (!s->text)
    return;
  s->names = find_names(s->prefix, s->text, s->text_len, &s->count);
  s->text = NULL;
}

/* MADE has all but the chunk's name. */
static void put_source(const char *chunk, const source *made) {
  pthread_mutex_lock(&sources.lock);
  source *s = get_source(chunk, true);
  named *old = s->names;
  s->path = made->path;
  s->prefix = made->prefix;
  s->text = made->text;
  s->text_len = made->text_len;
  s->names = made->names;
  s->count = made->count;
  pthread_mutex_unlock(&sources.lock);
  lab_xfree(old);
}

void lab_sources_register(const char *chunk, const char *prefix,
                          const char *path, const char *text, size_t len) {
  source made = {.path = lab_intern_text(path)};
  made.names = find_names(prefix, text, len, &made.count);
  put_source(chunk, &made);
}

void lab_sources_register_late(const char *chunk, const char *prefix,
                               const char *path, const char *text, size_t len) {
  source made = {.path = lab_intern_text(path),
                 .prefix = lab_intern_text(prefix),
                 .text = text,
                 .text_len = len};
  put_source(chunk, &made);
}

void lab_sources_find_names(void) {
  pthread_mutex_lock(&sources.lock);
  for (uint32_t i = 0; i < sources.count; i++)
    find_late_names(lab_shelf_at(&sources.shelf, i));
  pthread_mutex_unlock(&sources.lock);
}

static int compare_place(const void *a, const void *b) {
  const named *x = a, *y = b;
  return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                            : (x->order > y->order) - (x->order < y->order);
}

/* "<chunk>:<line>", for a function that isn't registered. If the chunk's name
 * is its own text, the beginning of its first line is shown, as Lua does. */
static const char *make_unknown_name(const char *chunk, int line, int order) {
  enum { SHOWN = 60 };
  char name[LAB_FUNC_NAME_MAX + 32], number[16] = "";
  if (order > 0)
    snprintf(number, sizeof number, "#%u", (unsigned)order + 1);
  if (chunk[0] == '@' || chunk[0] == '=') {
    snprintf(name, sizeof name, "%.*s:%d%s", LAB_FUNC_NAME_MAX, chunk + 1, line,
             number);
  } else {
    size_t shown = strcspn(chunk, "\r\n");
    int cut = shown > SHOWN || chunk[shown] != '\0';
    snprintf(name, sizeof name, "[string \"%.*s%s\"]:%d%s",
             (int)(shown > SHOWN ? SHOWN : shown), chunk, cut ? "..." : "",
             line, number);
  }
  return lab_intern_text(name);
}

/* Under the lock. NULL: it isn't known. */
static const named *find_place(const source *s, int line, int order) {
  named key = {line, order, NULL};
  return s ? bsearch(&key, s->names, s->count, sizeof *s->names, compare_place)
           : NULL;
}

bool lab_sources_has(const char *chunk, int line, int order) {
  pthread_mutex_lock(&sources.lock);
  const source *s = get_source(chunk, false);
  bool has = s && (s->text || find_place(s, line, order));
  pthread_mutex_unlock(&sources.lock);
  return has;
}

const char *lab_sources_name(const char *chunk, int line, int order,
                             const char **path) {
  pthread_mutex_lock(&sources.lock);
  source *s = get_source(chunk, false);
  if (s)
    find_late_names(s);
  const named *n = find_place(s, line, order);
  const char *name = n ? n->name : NULL, *file = s ? s->path : NULL;
  pthread_mutex_unlock(&sources.lock);
  if (path)
    *path = file ? file : chunk[0] == '@' ? lab_intern_text(chunk + 1) : "";
  return name ? name : make_unknown_name(chunk, line, order);
}

bool lab_sources_has_path(const char *path, size_t len) {
  bool found = false;
  pthread_mutex_lock(&sources.lock);
  for (uint32_t i = 0; i < sources.count && !found; i++) {
    const source *s = lab_shelf_at(&sources.shelf, i);
    found =
        s->path && strlen(s->path) == len && memcmp(s->path, path, len) == 0;
  }
  pthread_mutex_unlock(&sources.lock);
  return found && len > 0;
}
