/* SPDX-License-Identifier: MIT
 * See bell.h. */
#include "services/bell.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "resources/watch.h"
#include "services/services.h"

static void on_bell_readable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  lab_watch_ring(poll->data);
}

static void free_bell_poll(uv_handle_t *handle) {
  lab_xfree(handle);
}

void lab_services_watch(lab_errand *e) {
  lab_bell *bell = LAB_CONTAINER(e, lab_bell, errand);
  uv_poll_t *poll = lab_xcalloc(1, sizeof *poll);
  bell->error = uv_poll_init(lab_services_loop_of(e), poll, bell->fd);
  if (bell->error) {
    lab_xfree(poll);
    lab_errand_tell(e, 0);
    return;
  }
  poll->data = bell;
  uv_poll_start(poll, UV_READABLE, on_bell_readable);
  e->impl = poll;
}

/* From now on the descriptor may be closed. */
void lab_services_stop_watch(lab_errand *e) {
  if (e->impl)
    uv_close(e->impl, free_bell_poll);
  e->impl = NULL;
}
