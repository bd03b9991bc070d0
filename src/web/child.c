/* SPDX-License-Identifier: MIT
 * Child processes of scenarios. Each is the leader of a group of its own, so
 * that what it starts in turn can be killed with it. They get /dev/null as
 * standard input, output and error. */
#include <errno.h>
#include <signal.h>

#include "base/alloc.h"
#include "base/queue.h"
#include "web/services.h"

typedef struct running {
  uv_process_t process;
  lab_errand *errand; /* NULL: nobody wants to know any more */
  lab_list link;
} running;

/* All that were started and have not been reaped. */
static lab_list children = {&children, &children};

static void on_closed(uv_handle_t *handle) {
  lab_xfree(LAB_CONTAINER((uv_process_t *)handle, running, process));
}

static void on_exit_(uv_process_t *process, int64_t code, int signal) {
  running *r = LAB_CONTAINER(process, running, process);
  lab_list_remove(&r->link);
  if (r->errand) {
    lab_child *child = LAB_CONTAINER(r->errand, lab_child, errand);
    child->code = (int)code;
    child->signal = signal;
    child->errand.impl = NULL;
    lab_errand_tell(r->errand, 1);
  }
  uv_close((uv_handle_t *)process, on_closed);
}

void lab_web_spawn(lab_errand *e) {
  lab_child *child = LAB_CONTAINER(e, lab_child, errand);
  running *r = lab_xcalloc(1, sizeof *r);
  uv_process_options_t options = {
      .exit_cb = on_exit_,
      .file = child->argv[0],
      .args = child->argv,
      .flags = UV_PROCESS_DETACHED,
  };
  r->errand = e;
  lab_list_push_back(&children, &r->link);
  child->error = uv_spawn(lab_web_loop_of(e), &r->process, &options);
  child->pid = r->process.pid;
  if (child->error) { /* the handle wants to be closed all the same */
    lab_list_remove(&r->link);
    uv_close((uv_handle_t *)&r->process, on_closed);
  } else {
    e->impl = r;
  }
  lab_errand_tell(e, 0);
}

void lab_web_kill(lab_child *child, int signal) {
  running *r = child->errand.impl;
  if (r)
    uv_process_kill(&r->process, signal);
}

static void kill_group(running *r) {
  kill(-r->process.pid, SIGKILL);
}

void lab_web_stop_child(lab_errand *e) {
  running *r = e->impl;
  if (!r)
    return;
  r->errand = NULL;
  e->impl = NULL;
  kill_group(r);
}

void lab_web_kill_children(void) {
  for (lab_list *l = children.next; l != &children; l = l->next)
    kill_group(LAB_CONTAINER(l, running, link));
}
