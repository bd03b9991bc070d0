/* SPDX-License-Identifier: MIT
 * A group of clients that follow one plan: when each request is sent, and what
 * became of it. For the files of this folder. */
#ifndef LAB_LOAD_GROUP_H
#define LAB_LOAD_GROUP_H

#include "load/load_internal.h"

/* Makes GROUP's clients. Returns 0; or a negative errno, and nothing is to be
 * given back. */
int load_group_open(load_group *g, lab_load *load, const lab_load_plan *plan);
/* Sends the first requests. IS_ENDLESS: where the plan has no end, there is
 * none; else it is one request. */
void load_group_begin(load_group *g, bool is_endless);
/* Looks for requests that have waited too long, and clients that may try again.
 * Every few ms. */
void load_group_tick(load_group *g, uint64_t now);
/* Drops all that is under way and sends no more. */
void load_group_stop(load_group *g);
/* After the last handle is closed. */
void load_group_free(load_group *g);

/* For link.c: the client's request was answered; or it failed, and WHY says
 * how. WAS_OPEN: not for want of a connection. */
void load_client_answered(load_client *c, int status);
void load_client_failed(load_client *c, const char *why, bool was_open);

/* Defined in load.c. One user of LOAD less; the group needs no more time; no
 * connection could be made. */
void load_user_gone(lab_load *load);
void load_group_done(load_group *g);

#endif
