/* SPDX-License-Identifier: MIT
 * What the server and the page at /lab/ (the module page, which stands above
 * this one) have to do with each other: the page answers paths, and is told
 * what happens. There may be none (WEB_UI=OFF).
 *
 * Threads: the control thread. */
#ifndef LAB_WEB_PAGE_H
#define LAB_WEB_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "diagnosis/captures.h"
#include "diagnosis/standing.h"
#include "http/request.h"
#include "web/web.h"

enum { LAB_WEB_URL = 80 };

/* Something that has happened. */
typedef struct lab_web_news {
  const char *kind; /* "leave", "goto", "capture", "answer", "hint", "reset" */
  int step;         /* of it; of a reset -1: all */
  const char *text; /* for people: "step 3", "c1 heap"; never NULL */
  bool solved;      /* by this answer */
} lab_web_news;

typedef struct lab_web_page {
  /* Answers a request for /lab, for a path below it that the server doesn't
   * know, and for a verdict as a page. Not while the lab stops. */
  void (*answer)(void *arg, lab_http_request *req);
  void (*happened)(void *arg, const lab_web_news *news);
  void *arg;
} lab_web_page;

/* PAGE is copied; NULL: there is none from now on. */
void lab_web_set_page(lab_web *web, const lab_web_page *page);

/* ---- for the server ------------------------------------------------------ */

/* The handler of the page's paths. */
void lab_web_answer_page(lab_web *web, lab_http_request *req);
/* Is there a page, and does the client want one, as browsers do? */
bool lab_web_wants_page(const lab_web *web, const lab_http_request *req);
void lab_web_tell(lab_web *web, const lab_web_news *news);
/* The capture ID was added to the list. */
void lab_web_tell_capture(lab_web *web, unsigned id);

/* ---- for the page -------------------------------------------------------- */

/* The folders with scenarios, *N of them, as long as the server is there. For
 * the server's own handlers, too: what the pool does may end after the VM. */
const char *const *lab_web_dirs(const lab_web *web, size_t *n);
/* What is kept as evidence. It is the server's. */
const lab_captures *lab_web_captures_kept(const lab_web *web);
/* The highest hint of STEP that was told; 0: none. */
int lab_web_hints_told(const lab_web *web, int step);
/* What the student has done; any thread may ask it. It is the server's. */
lab_standing *lab_web_standing(const lab_web *web);
/* Is the progress kept? False: nowhere; or it can't be written now, and waits
 * in memory. */
bool lab_web_keeps_progress(const lab_web *web);
/* Is there a switch of steps that was asked for and has not ended? */
bool lab_web_is_switching(const lab_web *web);
/* Requests that the application has answered so far. */
uint64_t lab_web_answered(const lab_web *web);
/* Writes "http://127.0.0.1:6060": where this machine reaches the server. 0, or
 * negative errno. */
int lab_web_own_url(const lab_web *web, char out[LAB_WEB_URL]);

#endif
