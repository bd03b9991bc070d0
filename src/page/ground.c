/* SPDX-License-Identifier: MIT
 * See ground.h. The list of steps depends on which folders there are, and on
 * what their scenarios say. The former is known by the marks of the folders;
 * scenario/folders.h knows the latter. A scenario that doesn't come to an end
 * is read anew each time: then those who had asked before that began share the
 * answer. */
#include "page/ground.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/catalog.h"
#include "scenario/file_mark.h"
#include "scenario/folders.h"

/* A folder that was looked at. */
typedef struct place {
  char *path;
  lab_file_mark mark;
} place;

struct lab_page_ground {
  lab_page_ground_config config;
  lab_buf catalog;
  uint64_t began; /* to make it; 0: there is none */
  place *places;  /* that it depends on */
  size_t nplaces;
  char **files; /* scenario.lua in them */
  size_t nfiles;
  lab_buf *hints; /* of the step; an empty one is no hint */
  int nhints, hints_step;
  lab_buf sums;
  lab_err sums_err;
};

lab_page_ground *lab_page_ground_new(const lab_page_ground_config *config) {
  lab_page_ground *g = lab_xcalloc(1, sizeof *g);
  g->config = *config;
  return g;
}

static void forget_hints(lab_page_ground *g) {
  while (g->nhints > 0)
    lab_buf_free(&g->hints[--g->nhints]);
  lab_xfree(g->hints);
  g->hints = NULL;
}

static void forget_places(lab_page_ground *g) {
  while (g->nplaces > 0)
    lab_xfree(g->places[--g->nplaces].path);
  while (g->nfiles > 0)
    lab_xfree(g->files[--g->nfiles]);
  lab_xfree(g->places);
  lab_xfree(g->files);
  g->places = NULL;
  g->files = NULL;
}

void lab_page_ground_free(lab_page_ground *g) {
  forget_hints(g);
  forget_places(g);
  lab_buf_free(&g->catalog);
  lab_buf_free(&g->sums);
  lab_xfree(g);
}

/* ---- the list of steps --------------------------------------------------- */

/* Takes PATH. */
static void add_place(lab_page_ground *g, char *path) {
  g->places = lab_xrealloc(g->places, (g->nplaces + 1) * sizeof *g->places);
  g->places[g->nplaces++] = (place){path, lab_file_mark_of(path)};
}

static char *join_path(const char *folder, const char *name) {
  lab_buf path = LAB_BUF_INIT;
  lab_buf_printf(&path, "%s/%s", folder, name);
  lab_buf_putc(&path, '\0');
  return path.data;
}

/* Notes what DIR has before it is read: a change in between shows later. */
static void note_places(lab_page_ground *g, const char *dir) {
  static const lab_file_mark none;
  add_place(g, lab_xstrdup(dir));
  DIR *list = opendir(dir);
  for (const struct dirent *e; list && (e = readdir(list));) {
    if (e->d_name[0] == '.')
      continue;
    char *folder = join_path(dir, e->d_name);
    char *file = join_path(folder, "scenario.lua");
    lab_file_mark mark = lab_file_mark_of(file);
    add_place(g, folder);
    if (lab_file_mark_is_same(&mark, &none)) {
      lab_xfree(file);
      continue;
    }
    g->files = lab_xrealloc(g->files, (g->nfiles + 1) * sizeof *g->files);
    g->files[g->nfiles++] = file;
  }
  if (list)
    closedir(list);
}

static bool are_places_same(const lab_page_ground *g) {
  for (size_t i = 0; i < g->nplaces; i++) {
    lab_file_mark now = lab_file_mark_of(g->places[i].path);
    if (lab_file_mark_is_young(&now) ||
        !lab_file_mark_is_same(&now, &g->places[i].mark))
      return false;
  }
  return true;
}

static bool is_catalog_valid(const lab_page_ground *g, uint64_t asked) {
  if (g->began == 0)
    return false;
  return asked <= g->began ||
         (are_places_same(g) &&
          lab_folders_are_known((const char *const *)g->files, g->nfiles));
}

static int ask_page_catalog(const lab_page_ground *g, int step, int hint,
                            lab_buf *out) {
  lab_catalog_question q = {.dirs = g->config.dirs,
                            .ndirs = g->config.ndirs,
                            .step = step,
                            .hint = hint,
                            .json = true,
                            .no_hints = g->config.no_hints};
  return lab_catalog_answer(&q, out);
}

const lab_buf *lab_page_ground_catalog(lab_page_ground *g, uint64_t asked) {
  if (is_catalog_valid(g, asked))
    return &g->catalog;
  forget_hints(g);
  forget_places(g);
  lab_buf_clear(&g->catalog);
  g->began = lab_clock_mono();
  for (size_t i = 0; i < g->config.ndirs; i++)
    note_places(g, g->config.dirs[i]);
  if (ask_page_catalog(g, -1, 0, &g->catalog) != 200) {
    g->began = 0;
    lab_buf_clear(&g->catalog);
    lab_buf_puts(&g->catalog, "{}");
  }
  return &g->catalog;
}

const lab_buf *lab_page_ground_hint(lab_page_ground *g, int step, int n) {
  if (g->hints_step != step)
    forget_hints(g);
  g->hints_step = step;
  while (g->nhints < n) {
    lab_buf text = LAB_BUF_INIT;
    int status = ask_page_catalog(g, step, g->nhints + 1, &text);
    if (status == 503) { /* it may be another answer the next time */
      lab_buf_free(&text);
      return NULL;
    }
    if (status != 200)
      lab_buf_clear(&text);
    g->hints = lab_xrealloc(g->hints, (size_t)(g->nhints + 1) * sizeof text);
    g->hints[g->nhints++] = text;
  }
  return g->hints[n - 1].len > 0 ? &g->hints[n - 1] : NULL;
}

/* ---- the progress -------------------------------------------------------- */

lab_page_sums lab_page_ground_sums(lab_page_ground *g) {
  lab_buf_clear(&g->sums);
  if (!g->config.standing)
    return (lab_page_sums){0};
  if (lab_standing_write(g->config.standing, &g->sums, &g->sums_err))
    return (lab_page_sums){.problem = g->sums_err.text};
  return (lab_page_sums){.json = g->sums.data, .len = g->sums.len};
}
