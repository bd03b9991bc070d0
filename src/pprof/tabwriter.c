/* SPDX-License-Identifier: MIT
 * See tabwriter.h.
 *
 * Go's writer works on a stream, by recursion over blocks of lines. Here the
 * whole text is known, so three simple passes are enough: cut it into lines and
 * cells; for each column, go through the lines and set the width of each run of
 * cells; write. The result is the same, because columns nest: a line with a
 * cell in column c+1 has one in column c, so each run of column c+1 is within a
 * run of column c. */
#include "pprof/tabwriter.h"

#include <stdbool.h>
#include <string.h>

enum { MIN_WIDTH = 1, TAB_WIDTH = 8, PADDING = 1 };

typedef struct cell {
  const char *text;
  size_t n;
  size_t width;  /* in characters */
  size_t column; /* width of its column, not yet rounded */
} cell;

typedef struct line {
  size_t first;    /* its first cell; its last one is in no column */
  size_t ncolumns; /* the number of the other cells */
} line;

typedef struct page {
  lab_buf cells; /* cell[] */
  lab_buf lines; /* line[] */
  size_t ncolumns;
} page;

static size_t count_characters(const char *s, size_t n) {
  size_t width = 0;
  for (size_t i = 0; i < n; i++)
    width += ((unsigned char)s[i] & 0xc0) != 0x80; /* starts a character */
  return width;
}

static void add_cell(page *pg, const char *s, size_t n) {
  cell c = {s, n, count_characters(s, n), 0};
  lab_buf_append(&pg->cells, &c, sizeof c);
}

/* Cuts the line of N bytes into cells. OPEN: the line is the last one and has
 * no newline. Then Go ignores an empty last cell, and the one before is the
 * last. */
static void add_line(page *pg, const char *s, size_t n, bool open) {
  if (open && n > 0 && s[n - 1] == '\t')
    n--;
  size_t first = pg->cells.len / sizeof(cell);
  const char *end = s + n, *tab;
  while ((tab = memchr(s, '\t', (size_t)(end - s)))) {
    add_cell(pg, s, (size_t)(tab - s));
    s = tab + 1;
  }
  add_cell(pg, s, (size_t)(end - s));
  line l = {first, pg->cells.len / sizeof(cell) - first - 1};
  lab_buf_append(&pg->lines, &l, sizeof l);
  if (pg->ncolumns < l.ncolumns)
    pg->ncolumns = l.ncolumns;
}

static void cut_column(page *pg, const char *text, size_t n) {
  const char *end = text + n, *newline;
  while ((newline = memchr(text, '\n', (size_t)(end - text)))) {
    add_line(pg, text, (size_t)(newline - text), false);
    text = newline + 1;
  }
  add_line(pg, text, (size_t)(end - text), true);
}

/* The end of the run of lines, from FROM on, that have a cell in COLUMN. *WIDTH
 * is the width of the widest cell. */
static size_t measure_run(const page *pg, size_t column, size_t from,
                          size_t *width) {
  const line *lines = (const void *)pg->lines.data;
  const cell *cells = (const void *)pg->cells.data;
  size_t i = from, nlines = pg->lines.len / sizeof(line);
  *width = MIN_WIDTH;
  for (; i < nlines && lines[i].ncolumns > column; i++) {
    size_t w = cells[lines[i].first + column].width + PADDING;
    if (*width < w)
      *width = w;
  }
  return i;
}

static void set_widths(page *pg, size_t column) {
  const line *lines = (const void *)pg->lines.data;
  cell *cells = (void *)pg->cells.data;
  size_t nlines = pg->lines.len / sizeof(line), width;
  for (size_t i = 0; i < nlines; i++) {
    size_t end = measure_run(pg, column, i, &width);
    for (; i < end; i++)
      cells[lines[i].first + column].column = width;
  }
}

static void write_cell(const cell *c, lab_buf *out) {
  size_t width = (c->column + TAB_WIDTH - 1) / TAB_WIDTH * TAB_WIDTH;
  size_t tabs = (width - c->width + TAB_WIDTH - 1) / TAB_WIDTH;
  lab_buf_append(out, c->text, c->n);
  memset(lab_buf_reserve(out, tabs), '\t', tabs);
  out->len += tabs;
}

static void write_tab_lines(const page *pg, lab_buf *out) {
  const line *lines = (const void *)pg->lines.data;
  const cell *cells = (const void *)pg->cells.data;
  size_t nlines = pg->lines.len / sizeof(line);
  for (size_t i = 0; i < nlines; i++) {
    const cell *c = cells + lines[i].first;
    for (size_t j = 0; j < lines[i].ncolumns; j++)
      write_cell(c++, out);
    lab_buf_append(out, c->text, c->n);
    if (i + 1 < nlines)
      lab_buf_putc(out, '\n');
  }
}

void lab_tabwriter_format(const char *text, size_t n, lab_buf *out) {
  if (n == 0)
    return;
  page pg = {0};
  cut_column(&pg, text, n);
  for (size_t column = 0; column < pg.ncolumns; column++)
    set_widths(&pg, column);
  write_tab_lines(&pg, out);
  lab_buf_free(&pg.cells);
  lab_buf_free(&pg.lines);
}
