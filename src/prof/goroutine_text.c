/* SPDX-License-Identifier: MIT
 * See goroutine_text.h.
 *
 * Most tasks share their stacks with thousands of others. So the text of a
 * stack is made once and kept, until there is too much of it. */
#include "prof/goroutine_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "prof/export.h"
#include "prof/goroutine_internal.h"
#include "prof/keymap.h"
#include "prof/text.h"
#include "stack/stack.h"
#include "task/sched.h"

enum {
  KEPT_MAX = 8 << 20,
  LOG_BYTES = 64 << 10,
  LOG_PIECES = 8,
  LOG_TRIES = 20
};

/* A piece of lab_goroutine_reader.texts; a creator has two. */
typedef struct piece {
  size_t at, len, len2;
} piece;

struct lab_goroutine_reader {
  const lab_goroutines *goroutines;
  const lab_goroutine **order; /* by id */
  size_t count, next;
  lab_keymap keys; /* (stack, is creator) -> ... */
  lab_buf pieces;  /* ... piece[] */
  lab_buf texts;
  lab_held held;
};

/* ---- the order ----------------------------------------------------------- */

static int compare_ids(const void *x, const void *y) {
  const lab_goroutine *a = *(const lab_goroutine *const *)x;
  const lab_goroutine *b = *(const lab_goroutine *const *)y;
  return (a->id > b->id) - (a->id < b->id);
}

lab_goroutine_reader *lab_goroutine_reader_new(const lab_goroutines *g) {
  lab_goroutine_reader *r = lab_xcalloc(1, sizeof *r);
  r->goroutines = g;
  r->order = lab_xmalloc(g->count * sizeof *r->order);
  bool in_order = true;
  for (const lab_goroutine_block *b = g->first; b; b = b->next)
    for (size_t i = 0; i < LAB_GOROUTINE_BLOCK && r->count < g->count; i++) {
      size_t n = r->count++;
      r->order[n] = &b->items[i];
      in_order &= n == 0 || r->order[n - 1]->id < r->order[n]->id;
    }
  if (!in_order)
    qsort(r->order, r->count, sizeof *r->order, compare_ids);
  lab_held_begin(&r->held, g);
  for (size_t i = 0; i < r->count; i++)
    lab_held_add_waiter(&r->held, r->order[i]->id, r->order[i]->awaited);
  return r;
}

static void forget_texts(lab_goroutine_reader *r) {
  lab_keymap_free(&r->keys);
  lab_buf_free(&r->pieces);
  lab_buf_free(&r->texts);
}

void lab_goroutine_reader_free(lab_goroutine_reader *r) {
  if (!r)
    return;
  forget_texts(r);
  lab_held_end(&r->held);
  lab_xfree(r->order);
  lab_xfree(r);
}

/* ---- stacks -------------------------------------------------------------- */

static void write_goroutine_place(lab_frame frame, bool leaf,
                                  const lab_symbol *s, lab_buf *out) {
  lab_buf_printf(out, "\t%s:%d +0x%" PRIx64 "\n", s->file[0] ? s->file : "?",
                 s->line, lab_text_offset(frame, leaf, s));
}

static void write_goroutine_stack(uint32_t stack, lab_buf *out) {
  const lab_frame *frames;
  size_t n =
      lab_stack_frames(stack ? stack : lab_export_pseudo("[unknown]"), &frames);
  for (size_t i = 0; i < n; i++) {
    lab_symbol symbols[LAB_SYMBOL_INLINES];
    size_t left_out = lab_frame_count_left_out(frames[i]);
    if (left_out > 0) { /* as Go has it, for those who read dumps of Go's */
      lab_buf_printf(out, "...%zu frames elided...\n", left_out);
      continue;
    }
    size_t nsymbols = lab_symbols_lookup(frames[i], i == 0, symbols);
    for (size_t j = 0; j < nsymbols; j++) {
      lab_buf_printf(out, "%s(...)\n", symbols[j].name);
      write_goroutine_place(frames[i], i == 0, &symbols[j], out);
    }
  }
}

/* The function that called lab.go: the innermost one in Lua, if any is. */
static lab_frame creator_frame(uint32_t stack) {
  const lab_frame *frames;
  size_t n = lab_stack_frames(stack, &frames);
  for (size_t i = 0; i < n; i++) {
    const lab_func *f = lab_frame_is_script(frames[i])
                            ? lab_func_get(lab_frame_func(frames[i]))
                            : NULL;
    if (f && f->kind == LAB_FUNC_LUA)
      return frames[i];
  }
  return n ? frames[0] : 0;
}

/* Its name and, as a second text, its place. Returns the length of the first.
 */
static size_t write_creator(uint32_t stack, lab_buf *out) {
  lab_symbol symbols[LAB_SYMBOL_INLINES];
  lab_frame frame = creator_frame(stack);
  lab_symbols_lookup(frame, true, symbols);
  size_t before = out->len;
  lab_buf_puts(out, symbols[0].name);
  size_t len = out->len - before;
  write_goroutine_place(frame, true, &symbols[0], out);
  return len;
}

/* The text of STACK: as a stack, or as a creator's. Valid until the next. */
static piece find_state_text(lab_goroutine_reader *r, uint32_t stack,
                             bool creator) {
  if (r->texts.len > KEPT_MAX)
    forget_texts(r);
  size_t known = r->keys.count;
  size_t i = lab_keymap_add(&r->keys, (lab_key){stack, creator, 0});
  if (i < known)
    return ((piece *)(void *)r->pieces.data)[i];
  piece p = {.at = r->texts.len};
  if (creator)
    p.len = write_creator(stack, &r->texts);
  else
    write_goroutine_stack(stack, &r->texts);
  if (creator)
    p.len2 = r->texts.len - p.at - p.len;
  else
    p.len = r->texts.len - p.at;
  lab_buf_append(&r->pieces, &p, sizeof p);
  return p;
}

/* ---- tasks --------------------------------------------------------------- */

static const char *word_for_state(const lab_goroutine *one) {
  switch ((lab_task_state)one->state) {
  case LAB_TASK_RUNNABLE:
    return "runnable";
  case LAB_TASK_RUNNING:
    return "running";
  case LAB_TASK_WAITING:
    return one->wait == LAB_WAIT_NONE ? "waiting" : lab_wait_name(one->wait);
  case LAB_TASK_ENDED:
    break;
  }
  return "dead";
}

static void write_created_by(lab_goroutine_reader *r, const lab_goroutine *one,
                             lab_buf *out) {
  piece p = find_state_text(r, one->created_by, true);
  const char *text = r->texts.data + p.at;
  lab_buf_puts(out, "created by ");
  lab_buf_append(out, text, p.len);
  if (one->creator)
    lab_buf_printf(out, " in goroutine %" PRIu64, (uint64_t)one->creator);
  lab_buf_putc(out, '\n');
  lab_buf_append(out, text + p.len, p.len2);
}

/* Without whole pictures nobody has ended, as far as is known. */
static bool has_ended(const void *reader, uint64_t id) {
  const lab_goroutine_reader *r = reader;
  const lab_goroutine key = {.id = id}, *wanted = &key;
  return r->goroutines->whole &&
         !bsearch(&wanted, r->order, r->count, sizeof *r->order, compare_ids);
}

/* What it waits for and what it holds, in parentheses, if there is either. */
static void write_remark(const lab_goroutine_reader *r,
                         const lab_goroutine *one, lab_buf *out) {
  size_t before = out->len;
  lab_buf_puts(out, " (");
  size_t begin = out->len;
  if (one->awaited)
    lab_awaited_write(r->goroutines, one->awaited, has_ended, r, out);
  size_t end = out->len;
  if (end > begin)
    lab_buf_puts(out, "; ");
  size_t held = out->len;
  lab_held_write(&r->held, one->id, out);
  if (out->len == held)
    out->len = end;
  if (out->len > begin)
    lab_buf_putc(out, ')');
  else
    out->len = before;
}

static void write_goroutine(lab_goroutine_reader *r, const lab_goroutine *one,
                            lab_buf *out) {
  lab_buf_printf(out, "goroutine %" PRIu64 " [%s", (uint64_t)one->id,
                 word_for_state(one));
  write_remark(r, one, out);
  if (one->minutes >= 1)
    lab_buf_printf(out, ", %u minutes", (unsigned)one->minutes);
  lab_buf_puts(out, "]:\n");
  piece p = find_state_text(r, one->stack, false);
  lab_buf_append(out, r->texts.data + p.at, p.len);
  if (one->created_by)
    write_created_by(r, one, out);
  lab_buf_putc(out, '\n');
}

bool lab_goroutine_read(lab_goroutine_reader *r, lab_buf *out, size_t size) {
  while (r->next < r->count && out->len < size)
    write_goroutine(r, r->order[r->next++], out);
  return r->next < r->count;
}

/* ---- the log ------------------------------------------------------------- */

/* Lines for which the log has no room are dropped after a short while. A dump
 * is written on a thread that may wait, so it waits for a disk that is busy.
 * False: it has waited long enough; probably nobody reads the log. */
static bool wait_for_log(void) {
  for (int tries = 0; tries < LOG_TRIES; tries++)
    if (lab_log_flush())
      return true;
  return false;
}

void lab_goroutines_log(const lab_goroutines *g) {
  lab_goroutine_reader *r = lab_goroutine_reader_new(g);
  lab_buf text = LAB_BUF_INIT, part = LAB_BUF_INIT;
  unsigned pieces = 0;
  bool patient = true;
  if (g->count == 0)
    lab_log("No tasks");
  while (r->next < r->count) {
    size_t first = r->next + 1;
    lab_buf_clear(&part);
    lab_buf_clear(&text);
    lab_goroutine_read(r, &part, LOG_BYTES);
    lab_buf_printf(&text, "Tasks %zu to %zu of %zu:\n\n", first, r->next,
                   r->count);
    lab_buf_append(&text, part.data, part.len);
    lab_log_text(text.data, text.len);
    if (patient && ++pieces % LOG_PIECES == 0)
      patient = wait_for_log();
  }
  lab_buf_free(&part);
  lab_buf_free(&text);
  lab_goroutine_reader_free(r);
}
