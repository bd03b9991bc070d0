/* SPDX-License-Identifier: MIT
 * See export.h. */
#include "prof/export.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "pprof/encode.h"
#include "prof/attempt.h"
#include "prof/keymap.h"
#include "prof/label.h"
#include "stack/stack.h"
#include "stack/symbols.h"

/* The locations of one frame: innermost inlined function first. */
typedef struct places {
  size_t first; /* in lab_export.locations */
  size_t n;
} places;

struct lab_export {
  lab_profile *profile;
  lab_buf mappings;  /* uint64_t: profile's id, by index of stack/symbols.h */
  lab_keymap frames; /* address of the frame -> ... */
  lab_buf places;    /* ... places[] */
  lab_buf locations; /* uint64_t[] */
  lab_buf sample;    /* uint64_t[]: the stack being added */
  lab_buf labels;    /* the texts of its labels */
};

#define ITEMS(buf, type) ((type *)(void *)(buf)->data)
#define ITEM_COUNT(buf, type) ((buf)->len / sizeof(type))

lab_export *lab_export_new(const lab_profile_config *config, uint64_t attempt) {
  lab_export *e = lab_xcalloc(1, sizeof *e);
  char comment[LAB_ATTEMPT_COMMENT];
  const char *comments[] = {comment, NULL};
  lab_profile_config with_attempt = *config;
  if (attempt) {
    lab_attempt_write(attempt, comment);
    with_attempt.comments = comments;
  }
  e->profile = lab_profile_new(&with_attempt);
  return e;
}

void lab_export_free(lab_export *e) {
  if (!e)
    return;
  lab_profile_free(e->profile);
  lab_buf_free(&e->mappings);
  lab_keymap_free(&e->frames);
  lab_buf_free(&e->places);
  lab_buf_free(&e->locations);
  lab_buf_free(&e->sample);
  lab_buf_free(&e->labels);
  lab_xfree(e);
}

/* ---- locations ----------------------------------------------------------- */

/* Enters the mappings that are not in the profile yet: the table grows when a
 * library is loaded. */
static void enter_mappings(lab_export *e) {
  const lab_mapping *m;
  size_t n = lab_symbols_mappings(&m);
  for (size_t i = ITEM_COUNT(&e->mappings, uint64_t); i < n; i++) {
    uint64_t id = lab_profile_mapping(e->profile, m[i].start, m[i].limit,
                                      m[i].offset, m[i].file, m[i].build_id);
    lab_buf_append(&e->mappings, &id, sizeof id);
  }
}

static uint64_t mapping_id(lab_export *e, int index) {
  if (index < 0)
    return 0;
  if ((size_t)index >= ITEM_COUNT(&e->mappings, uint64_t))
    enter_mappings(e);
  LAB_ASSERT((size_t)index < ITEM_COUNT(&e->mappings, uint64_t));
  return ITEMS(&e->mappings, uint64_t)[index];
}

static uint64_t location_of(lab_export *e, const lab_symbol *s) {
  const char *file = s->file[0] ? s->file : NULL;
  uint64_t mapping = mapping_id(e, s->mapping);
  uint64_t function =
      lab_profile_function(e->profile, s->name, file, s->start_line);
  return lab_profile_location(e->profile, mapping, s->address, function,
                              s->line);
}

static places places_of(lab_export *e, lab_frame frame, bool leaf) {
  lab_key key = {lab_text_address(frame, leaf), 0, 0};
  size_t known = e->frames.count;
  size_t i = lab_keymap_add(&e->frames, key);
  if (i < known)
    return ITEMS(&e->places, places)[i];
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  places p = {.first = ITEM_COUNT(&e->locations, uint64_t)};
  p.n = lab_symbols_lookup(frame, leaf, symbols);
  for (size_t j = 0; j < p.n; j++) {
    uint64_t id = location_of(e, &symbols[j]);
    lab_buf_append(&e->locations, &id, sizeof id);
  }
  lab_buf_append(&e->places, &p, sizeof p);
  return p;
}

/* ---- samples ------------------------------------------------------------- */

/* EXTRA, and LABEL's but for one of the same key. */
static size_t labels_of(lab_export *e, uint32_t label,
                        const lab_profile_label *extra,
                        lab_profile_label out[LAB_LABEL_KEYS + 1]) {
  lab_label pairs[LAB_LABEL_KEYS];
  size_t n = 0, npairs = lab_label_get(label, pairs, &e->labels);
  for (size_t i = 0; i < npairs; i++)
    if (!extra || strcmp(pairs[i].key, extra->key) != 0)
      out[n++] =
          (lab_profile_label){.key = pairs[i].key, .str = pairs[i].value};
  if (extra)
    out[n++] = *extra;
  return n;
}

static void add_sample(lab_export *e, uint32_t stack, uint32_t label,
                       const lab_profile_label *extra, const int64_t *values) {
  /* First of all, so that the program itself is mapping 1. */
  if (e->mappings.len == 0)
    enter_mappings(e);
  const lab_frame *frames;
  if (stack == 0)
    stack = lab_export_pseudo("[unknown]");
  size_t n = lab_stack_frames(stack, &frames);
  lab_buf_clear(&e->sample);
  for (size_t i = 0; i < n; i++) {
    places p = places_of(e, frames[i], i == 0);
    lab_buf_append(&e->sample, ITEMS(&e->locations, uint64_t) + p.first,
                   p.n * sizeof(uint64_t));
  }
  lab_profile_label labels[LAB_LABEL_KEYS + 1];
  size_t nlabels = labels_of(e, label, extra, labels);
  lab_profile_sample(e->profile, ITEMS(&e->sample, uint64_t),
                     ITEM_COUNT(&e->sample, uint64_t), values, labels, nlabels);
}

void lab_export_sample(lab_export *e, uint32_t stack, uint32_t label,
                       int64_t bytes, const int64_t *values) {
  lab_profile_label size = {.key = "bytes", .num = bytes};
  add_sample(e, stack, label, bytes ? &size : NULL, values);
}

void lab_export_state_sample(lab_export *e, uint32_t stack, uint32_t label,
                             const char *state, const int64_t *values) {
  lab_profile_label word = {.key = "state", .str = state};
  add_sample(e, stack, label, &word, values);
}

int lab_export_finish(lab_export *e, lab_buf *out) {
  if (e->mappings.len == 0)
    enter_mappings(e); /* an empty profile names its program too */
  return lab_profile_finish(e->profile, out);
}

uint32_t lab_export_pseudo(const char *name) {
  lab_frame frame = lab_frame_script(lab_func_pseudo(name), 0);
  return lab_stack_intern(&frame, 1);
}
