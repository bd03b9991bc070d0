/* SPDX-License-Identifier: MIT
 * The page at /lab/, for students with a browser: what web/page.h asks for.
 *
 *   lab_page_new(&page, &config);      after lab_web_listen
 *   lab_page_stop(page);               before lab_web_stop
 *   lab_page_free(page);               after the loop has ended
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_PAGE_H
#define LAB_PAGE_PAGE_H

#include <uv.h>

#include "script/script.h"
#include "web/web.h"

typedef struct lab_page lab_page;

typedef struct lab_page_config {
  uv_loop_t *loop;
  lab_vm *vm;
  lab_web *web;
  int hint_pause;    /* as of lab_web_config */
  const char *state; /* likewise; must stay */
  /* The folder with the student's own programs; NULL: the lab checks none. It
   * must stay. */
  const char *repair;
} lab_page_config;

lab_page *lab_page_new(const lab_page_config *config);
/* Ends its streams and its load; nothing is asked of the VM any more. */
void lab_page_stop(lab_page *page);
/* Accepts NULL. */
void lab_page_free(lab_page *page);

#endif
