/* SPDX-License-Identifier: MIT
 * See child.h. Each child leads a process group of its own, so that all that it
 * starts can be killed with it. Children have /dev/null as standard input,
 * output and error. */
#include "services/child.h"

#include <signal.h>

#include "base/alloc.h"
#include "base/queue.h"
#include "services/services.h"

typedef struct running_child {
  uv_process_t process;
  lab_errand *errand; /* NULL: nobody waits for its end any more */
  lab_list link;
} running_child;

/* All that were started and have not been reaped. */
static lab_list children = {&children, &children};

static void free_closed_child(uv_handle_t *handle) {
  lab_xfree(LAB_CONTAINER((uv_process_t *)handle, running_child, process));
}

static void on_child_exit(uv_process_t *process, int64_t code, int signal) {
  running_child *r = LAB_CONTAINER(process, running_child, process);
  lab_list_remove(&r->link);
  if (r->errand) {
    lab_child *child = LAB_CONTAINER(r->errand, lab_child, errand);
    child->code = (int)code;
    child->signal = signal;
    child->errand.impl = NULL;
    lab_errand_tell(r->errand, 1);
  }
  uv_close((uv_handle_t *)process, free_closed_child);
}

void lab_services_spawn(lab_errand *e) {
  lab_child *child = LAB_CONTAINER(e, lab_child, errand);
  running_child *r = lab_xcalloc(1, sizeof *r);
  uv_process_options_t options = {
      .exit_cb = on_child_exit,
      .file = child->argv[0],
      .args = child->argv,
      .flags = UV_PROCESS_DETACHED,
  };
  r->errand = e;
  lab_list_push_back(&children, &r->link);
  child->error = uv_spawn(lab_services_loop_of(e), &r->process, &options);
  child->pid = r->process.pid;
  if (child->error) { /* the handle must be closed all the same */
    lab_list_remove(&r->link);
    uv_close((uv_handle_t *)&r->process, free_closed_child);
  } else {
    e->impl = r;
  }
  lab_errand_tell(e, 0);
}

void lab_services_kill(lab_child *child, int signal) {
  running_child *r = child->errand.impl;
  if (r)
    uv_process_kill(&r->process, signal);
}

static void kill_child_group(running_child *r) {
  kill(-r->process.pid, SIGKILL);
}

void lab_services_stop_child(lab_errand *e) {
  running_child *r = e->impl;
  if (!r)
    return;
  r->errand = NULL;
  e->impl = NULL;
  kill_child_group(r);
}

void lab_services_kill_children(void) {
  for (lab_list *l = children.next; l != &children; l = l->next)
    kill_child_group(LAB_CONTAINER(l, running_child, link));
}
