/* SPDX-License-Identifier: MIT
 * The page's state, which all files of this folder share. The files, in the
 * order in which they may call each other:
 *
 *   files              what is in www
 *   numbers < stream   what the charts show
 *   page               finds who answers a request; begin and end
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_PAGE_INTERNAL_H
#define LAB_PAGE_PAGE_INTERNAL_H

#include "page/page.h"
#include "page/stream.h"

struct lab_page {
  lab_page_config config;
  lab_streams streams;
};

#endif
