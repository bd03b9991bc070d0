/* SPDX-License-Identifier: MIT
 * What the control thread does for scenarios: requests, servers, children; the
 * other side of script.h's errands.
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_SERVICES_H
#define LAB_WEB_SERVICES_H

#include <uv.h>

#include "http/guard.h"
#include "script/script.h"

typedef struct lab_web_services_config {
  uv_loop_t *loop;
  lab_http_guard_config guard; /* of the scenarios' servers */
} lab_web_services_config;

/* Fills in OUT, for lab_vm_config. CONFIG must stay. */
void lab_web_services(lab_vm_services *out, lab_web_services_config *config);

/* Kills all children at once, for a process that exits without taking itself
 * down. */
void lab_web_kill_children(void);

/* The parts, for services.c. */
void lab_web_fetch(lab_errand *e);
void lab_web_stop_fetch(lab_errand *e);
void lab_web_serve(lab_errand *e);
void lab_web_stop_serve(lab_errand *e);
void lab_web_spawn(lab_errand *e);
void lab_web_kill(lab_child *child, int signal);
void lab_web_stop_child(lab_errand *e);

static inline const lab_web_services_config *
lab_web_config_of(const lab_errand *e) {
  return lab_vm_services_of(e->vm)->arg;
}

static inline uv_loop_t *lab_web_loop_of(const lab_errand *e) {
  return lab_web_config_of(e)->loop;
}

#endif
