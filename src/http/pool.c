/* SPDX-License-Identifier: MIT
 * See pool.h. The list of kept connections begins with the one that is kept for
 * longest, so one timer serves all. */
#include "http/pool.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "http/pool_internal.h"

enum { TIMEOUTS_MAX = 64 }; /* connections that one call of the timer closes */

struct lab_http_pool {
  uv_loop_t *loop;
  lab_http_pool_config config;
  uv_timer_t timer;
  lab_list kept;   /* lab_http_wire */
  lab_list guests; /* calls under way */
};

static lab_http_wire *get_kept(lab_list *link) {
  return LAB_CONTAINER(link, lab_http_wire, link);
}

/* ---- the time limit ------------------------------------------------------ */

static void start_idle_timer(lab_http_pool *pool);

static void on_idle_timer(uv_timer_t *timer) {
  lab_http_pool *pool = LAB_CONTAINER(timer, lab_http_pool, timer);
  uint64_t now = uv_now(pool->loop);
  for (int i = 0; i < TIMEOUTS_MAX && !lab_list_empty(&pool->kept); i++) {
    lab_http_wire *first = get_kept(pool->kept.next);
    if (now - first->since < pool->config.idle_ms)
      break;
    lab_http_wire_close(first);
  }
  start_idle_timer(pool);
}

/* For the first connection that is kept, if there is one. Its time may be over:
 * then others get their turn first. */
static void start_idle_timer(lab_http_pool *pool) {
  if (pool->config.idle_ms == 0 || lab_list_empty(&pool->kept))
    return;
  uint64_t kept = uv_now(pool->loop) - get_kept(pool->kept.next)->since;
  uint64_t rest = kept < pool->config.idle_ms ? pool->config.idle_ms - kept : 1;
  uv_timer_start(&pool->timer, on_idle_timer, rest, 0);
}

/* ---- taking and keeping -------------------------------------------------- */

void lab_http_pool_enter(lab_http_pool *pool, lab_http_pool_guest *guest) {
  lab_list_push_back(&pool->guests, &guest->link);
}

void lab_http_pool_watch(lab_http_pool *pool, lab_http_fd_watch *watch) {
  watch->closing = pool->config.closing;
  watch->closing_arg = pool->config.arg;
}

/* The one that was used last: so those that aren't needed get old. */
lab_http_wire *lab_http_pool_take(lab_http_pool *pool, const char *place) {
  for (lab_list *l = pool->kept.prev; l != &pool->kept; l = l->prev) {
    lab_http_wire *w = get_kept(l);
    if (strcmp(w->place, place) == 0) {
      lab_list_remove(l);
      return w;
    }
  }
  return NULL;
}

/* It is read from, to learn when the server closes it. */
void lab_http_pool_keep(lab_http_pool *pool, lab_http_wire *w) {
  lab_http_wire_use(w, NULL, NULL);
  if (lab_http_wire_read(w, true)) {
    lab_http_wire_close(w);
    return;
  }
  w->since = uv_now(pool->loop);
  lab_list_push_back(&pool->kept, &w->link);
  if (!uv_is_active((uv_handle_t *)&pool->timer))
    start_idle_timer(pool);
}

/* ---- life ---------------------------------------------------------------- */

size_t lab_http_pool_size(void) {
  return sizeof(lab_http_pool);
}

lab_http_pool *lab_http_pool_new(void *memory, uv_loop_t *loop,
                                 const lab_http_pool_config *config) {
  lab_http_pool *pool = memset(memory, 0, sizeof *pool);
  pool->loop = loop;
  pool->config = *config;
  lab_list_init(&pool->kept);
  lab_list_init(&pool->guests);
  int rc = uv_timer_init(loop, &pool->timer);
  LAB_ASSERT(rc == 0); /* libuv only fills in the handle */
  return pool;
}

static void on_pool_closed(uv_handle_t *handle) {
  lab_http_pool *pool =
      LAB_CONTAINER((uv_timer_t *)handle, lab_http_pool, timer);
  lab_counted_free(pool, sizeof *pool);
}

static void evict_guest(lab_list *link) {
  lab_list_remove(link);
  lab_http_pool_guest *guest = LAB_CONTAINER(link, lab_http_pool_guest, link);
  guest->evicted(guest);
}

bool lab_http_pool_drain(lab_http_pool *pool, unsigned most) {
  for (; most > 0 && !lab_list_empty(&pool->kept); most--)
    lab_http_wire_close(get_kept(pool->kept.next));
  for (; most > 0 && !lab_list_empty(&pool->guests); most--)
    evict_guest(pool->guests.next);
  return lab_list_empty(&pool->kept) && lab_list_empty(&pool->guests);
}

void lab_http_pool_close(lab_http_pool *pool) {
  lab_http_pool_drain(pool, UINT_MAX);
  uv_close((uv_handle_t *)&pool->timer, on_pool_closed);
}
