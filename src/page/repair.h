/* SPDX-License-Identifier: MIT
 * /lab/api/repair: the check of a student's repair. It is the program's own
 * command (diaglab repair --check, lua/repair.lua), in a process that starts
 * labs of its own, so the lab goes on undisturbed. A thread starts that process
 * and reads what it says; the profilers don't look at the thread, because it is
 * no part of the program that they show. One check runs at a time. Its process
 * ends with the lab, whatever ends that.
 *
 * Threads: the control thread. */
#ifndef LAB_PAGE_REPAIR_H
#define LAB_PAGE_REPAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/request.h"

typedef struct lab_page_repair lab_page_repair;

typedef struct lab_page_repair_config {
  uv_loop_t *loop;
  uint64_t timeout_ms;      /* of a check; 0: half an hour */
  void (*ended)(void *arg); /* a check has ended */
  void *arg;
} lab_page_repair_config;

lab_page_repair *lab_page_repair_new(const lab_page_repair_config *config);
/* Begins the check of a repair of STEP: starts this program with WORDS, each
 * ended by a 0, and then "--state" and STATE (NULL: none). 0; -EBUSY: one is
 * under way already; or another negative errno, and a message. */
int lab_page_repair_begin(lab_page_repair *r, int step, lab_http_str words,
                          const char *state, lab_err *err);
/* Ends the check that is under way, if any: soon after this returns. */
void lab_page_repair_end(lab_page_repair *r);
/* Nobody is told of the last check any more if it was of STEP (-1: of any);
 * ends it if it is under way. */
void lab_page_repair_forget(lab_page_repair *r, int step);
bool lab_page_repair_is_running(const lab_page_repair *r);
/* Append the state of the check that is under way, or of the last one: as JSON;
 * and as text, which is that of the command when it has ended. */
void lab_page_repair_write(lab_page_repair *r, lab_buf *out);
void lab_page_repair_write_text(lab_page_repair *r, lab_buf *out);
/* After the loop has ended. Accepts NULL. */
void lab_page_repair_free(lab_page_repair *r);

#endif
