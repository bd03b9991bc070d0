/* SPDX-License-Identifier: MIT
 * The page's state, which all files of this folder share. The files, in the
 * order in which they may call each other:
 *
 *   files              what is in www
 *   numbers < stream   what the charts show
 *   load               the load generator, on a thread of its own
 *   repair             the check of a repair, in a process of its own
 *   ground < done < render
 *                      what all pages say; the progress; the page as HTML
 *   forms, ask         what it does without JavaScript, and with it
 *   page               finds who answers a request; begin and end
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_PAGE_INTERNAL_H
#define LAB_PAGE_PAGE_INTERNAL_H

#include <stdbool.h>

#include "base/queue.h"
#include "page/forms.h"
#include "page/ground.h"
#include "page/load.h"
#include "page/page.h"
#include "page/repair.h"
#include "page/stream.h"

struct lab_page {
  lab_page_config config;
  bool is_stopped;
  lab_streams streams;
  lab_page_load *load;
  lab_page_repair *repair;
  lab_page_ground *ground;
  lab_list forms; /* that wait for an answer: forms.c */
  lab_page_seen seen;
  int *solved; /* steps that were solved in this lab */
  size_t nsolved;
};

#endif
