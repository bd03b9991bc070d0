/* SPDX-License-Identifier: MIT
 * A request of a scenario, for lab.http.get and for clients (http_client.c):
 * what is asked, the errand, and the answer as a table.
 *
 * The control thread sends it while a task is parked. The ticket is a part of a
 * userdata, which ends the errand however the task ends: by the answer, by an
 * error while the answer is unpacked, cancelled, or with the VM.
 *
 * Threads: the VM's. All but end may raise. */
#ifndef LAB_LUALIB_TICKET_H
#define LAB_LUALIB_TICKET_H

#include <lua.h>
#include <stdbool.h>

#include "resources/errand.h"
#include "resources/owned.h"
#include "vm/task.h"

/* What a script asks. The strings are on Lua's stack. */
typedef struct lab_question {
  const char *url, *method, *headers, *body;
  size_t body_len;
  double timeout;
  bool stream;
} lab_question;

typedef struct lab_ticket {
  lab_owned owned;
  lab_fetch *fetch;   /* NULL: ended */
  lab_lua_task *task; /* that waits, or NULL */
  bool begun;
  bool told; /* what it waits for has come */
} lab_ticket;

/* Reads the URL at ARG and the table of options after it, and leaves what it
 * needs on the stack. WHO: "lab.http.get". MAY_STREAM: it has that option. */
lab_question lab_question_check(lua_State *L, int arg, const char *who,
                                bool may_stream);
/* Pushes nil, 'GET "http://...": MESSAGE', -CODE; returns 3. */
int lab_question_fail(lua_State *L, const char *method, const char *url,
                      const char *message, int code);

/* K, which is zeroed, has Q from now on, copied. Raises if the step may not
 * have a copy of the body. */
void lab_ticket_open(lua_State *L, lab_ticket *k, const lab_question *q);
/* Sends it, and parks the running task until there is news; RECLAIM is called
 * when the step is left before that. THEN gets K as context. */
int lab_ticket_send(lua_State *L, lab_ticket *k, void (*reclaim)(lab_owned *o),
                    lua_KFunction then);
/* Asks for the next part of the answer, likewise. */
int lab_ticket_read(lua_State *L, lab_ticket *k, size_t wanted,
                    lua_KFunction then);
/* For THEN: the news has come, or the running task was cancelled. Returns
 * whether it is the news. */
bool lab_ticket_take(lua_State *L, lab_ticket *k);
void lab_ticket_end(lab_ticket *k);

/* Pushes the headers of K's answer as a table. */
void lab_ticket_push_headers(lua_State *L, const lab_ticket *k);
/* Pushes the answer as a table, or what lab.http.get returns for an error;
 * returns how many values. */
int lab_ticket_push_answer(lua_State *L, const lab_ticket *k);

#endif
