/* SPDX-License-Identifier: MIT
 * /lab/api/load: the load generator (load/load.h) within the lab, for students
 * without a second terminal. It runs on a thread of its own with its own loop,
 * so it doesn't delay the control thread; the profilers don't look at that
 * thread, because it is no part of the program that they show. One load runs at
 * a time.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_LOAD_H
#define LAB_PAGE_LOAD_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/request.h"

typedef struct lab_page_load lab_page_load;

/* ENDED(ARG) is called when a load has ended. */
lab_page_load *lab_page_load_new(uv_loop_t *loop, void (*ended)(void *arg),
                                 void *arg);
/* Begins a load of the lab at URL, "http://host:port". PLAN is a form, as
 * lua/page_api.lua writes it. 0; -EBUSY: one runs already; -EINVAL and a
 * message: the plan is wrong; or another negative errno. */
int lab_page_load_begin(lab_page_load *l, const char *url, lab_http_str plan,
                        lab_err *err);
/* Ends the load that runs, if any: soon after this returns. */
void lab_page_load_end(lab_page_load *l);
bool lab_page_load_is_running(const lab_page_load *l);
/* Has there been a load that was not told of yet? Asking makes it false. */
bool lab_page_load_has_news(lab_page_load *l);
/* Appends the state of the load that runs, or of the last one, as JSON. */
void lab_page_load_write(lab_page_load *l, lab_buf *out);
/* After the loop has ended. Accepts NULL. */
void lab_page_load_free(lab_page_load *l);

#endif
