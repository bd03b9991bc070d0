/* SPDX-License-Identifier: MIT
 * See dial.h. A loop has a line while somebody waits in it. Its idle handle is
 * called once in each round, and keeps the loop from sleeping. */
#include "http/dial.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

/* Of the loop's time, in one round. */
static const uint64_t PATIENCE_NS = 2 * LAB_MILLISECOND;

typedef struct dial_line {
  lab_list link; /* in lines */
  uv_idle_t idle;
  lab_list waiting; /* lab_http_dial */
} dial_line;

static lab_list lines = {&lines, &lines};

static void free_dial_line(uv_handle_t *handle) {
  lab_xfree(LAB_CONTAINER((uv_idle_t *)handle, dial_line, idle));
}

static void close_dial_line(dial_line *line) {
  lab_list_remove(&line->link);
  uv_close((uv_handle_t *)&line->idle, free_dial_line);
}

static void call_first_dial(dial_line *line) {
  lab_http_dial *dial = LAB_CONTAINER(line->waiting.next, lab_http_dial, link);
  lab_list_remove(&dial->link);
  dial->turn(dial); /* which may let others wait, or leave */
}

static void on_dial_round(uv_idle_t *idle) {
  dial_line *line = LAB_CONTAINER(idle, dial_line, idle);
  uint64_t stop = lab_clock_mono() + PATIENCE_NS;
  for (int i = 0; i < LAB_HTTP_DIALS_MOST; i++) {
    if (lab_list_empty(&line->waiting))
      break;
    call_first_dial(line);
    if (lab_clock_mono() >= stop)
      break;
  }
  if (lab_list_empty(&line->waiting))
    close_dial_line(line);
}

static dial_line *open_dial_line(uv_loop_t *loop) {
  dial_line *line = lab_xcalloc(1, sizeof *line);
  lab_list_init(&line->waiting);
  int rc = uv_idle_init(loop, &line->idle);
  LAB_ASSERT(rc == 0); /* libuv only fills in the handle; */
  rc = uv_idle_start(&line->idle, on_dial_round);
  LAB_ASSERT(rc == 0); /* and refuses only NULL here */
  lab_list_push_back(&lines, &line->link);
  return line;
}

static dial_line *find_dial_line(const uv_loop_t *loop) {
  for (lab_list *l = lines.next; l != &lines; l = l->next) {
    dial_line *line = LAB_CONTAINER(l, dial_line, link);
    if (line->idle.loop == loop)
      return line;
  }
  return NULL;
}

void lab_http_dial_wait(lab_http_dial *dial, uv_loop_t *loop,
                        void (*turn)(lab_http_dial *dial)) {
  dial_line *line = find_dial_line(loop);
  if (!line)
    line = open_dial_line(loop);
  dial->turn = turn;
  lab_list_push_back(&line->waiting, &dial->link);
}

/* An empty line is closed in its next round. */
void lab_http_dial_leave(lab_http_dial *dial) {
  lab_list_remove(&dial->link);
}
