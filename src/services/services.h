/* SPDX-License-Identifier: MIT
 * What the control thread does for scenarios: requests (fetch.c), servers
 * (serve.c), children (child.c), the pipes to them (pipe.c), waiting for
 * sockets (bell.c). It is the other side of resources/errand.h. The lab's own
 * endpoints are in src/web.
 *
 * Threads: the control thread. */
#ifndef LAB_SERVICES_SERVICES_H
#define LAB_SERVICES_SERVICES_H

#include <uv.h>

#include "http/guard.h"
#include "resources/errand.h"

typedef struct lab_services_config {
  uv_loop_t *loop;
  lab_http_guard_config guard; /* of the scenarios' servers */
} lab_services_config;

/* Fills in OUT, for lab_vm_config. CONFIG must live as long as the VM. */
void lab_services_init(lab_services *out, lab_services_config *config);

/* The configuration and the loop, for the files of this folder. */
static inline const lab_services_config *
lab_services_config_of(const lab_errand *e) {
  return lab_services_of(e->vm)->arg;
}

static inline uv_loop_t *lab_services_loop_of(const lab_errand *e) {
  return lab_services_config_of(e)->loop;
}

/* Connections that are closed before others get their turn. */
enum { LAB_SERVICES_CLOSE_MOST = 64 };

#endif
