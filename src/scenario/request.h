/* SPDX-License-Identifier: MIT
 * A request's way through the VM.
 *
 * A request becomes a task that runs main.helloWorldHandler (path "/"), the
 * step's route, or the function of a scenario's own server, on a coroutine that
 * has served before. It writes two lines to the log, as the original program
 * does, and the answer goes back to the control thread. */
#ifndef LAB_SCENARIO_REQUEST_H
#define LAB_SCENARIO_REQUEST_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/queue.h"
#include "base/token.h"
#include "resources/errand.h"
#include "vm/inbox.h"

struct lab_lua_task;
struct lab_http_request; /* only passed on */

enum { LAB_REQUEST_REMOTE = 64 };

/* What few scripts ask a request for. Called on the VM's thread, while the
 * request has no answer. */
typedef struct lab_request_facts {
  /* The header number I, from 0 on; false: there are not so many. */
  bool (*header)(const struct lab_http_request *http, size_t i, lab_field *out);
  /* Who sent it, "127.0.0.1:51234", in LAB_REQUEST_REMOTE bytes. */
  void (*remote)(const struct lab_http_request *http, char *out);
  /* Whether its client has closed the connection, or its half of it. */
  bool (*has_left)(const struct lab_http_request *http);
} lab_request_facts;

/* The caller fills in the first part, with call.answered and call.user, keeps
 * everything it points to until `answered` was called, and then owns the second
 * part (both buffers are the caller's to free). */
typedef struct lab_request {
  lab_call call;
  const lab_serve *serve; /* of which server; NULL: the lab's own */
  const char *method;
  const char *path;
  const char *query; /* raw, "" if there is none */
  const char *body;
  size_t method_len, path_len, query_len, body_len;
  const lab_request_facts *facts;      /* NULL: there are none */
  const struct lab_http_request *http; /* for them */

  int status;
  char content_type[128];
  lab_buf headers; /* further ones, "Name: value\r\n" each */
  lab_buf reply;
  int step;         /* that served it */
  uint64_t entered; /* when that was entered (lab_shown_step) */

  /* Private: the VM's. */
  uint64_t id;   /* as scripts see it */
  uint64_t sent; /* mono ns */
  struct lab_lua_task *task;
  lab_list link;
} lab_request;

typedef struct lab_requests {
  lab_list all; /* that have a task, by lab_request.link */
  int starter;  /* registry: the function that begins with a request */
  /* Of the two handlers, functions and the stacks where they begin; 0: not
   * known yet. */
  uint32_t functions[2], entries[2];
  uint64_t last_id;                /* of a request, as scripts see it */
  atomic_size_t posted, delivered; /* each has one writer */
} lab_requests;

/* ---- the control thread -------------------------------------------------- */

/* Sends R, which came NOW (mono ns), but doesn't wake the VM if it sleeps: that
 * is lab_vm_kick, called once per round of the loop. */
void lab_request_send(lab_vm *vm, lab_request *r, uint64_t now);
/* Requests that the VM has not looked at yet. Any thread. */
size_t lab_requests_queued(lab_vm *vm);

/* ---- the VM's thread ----------------------------------------------------- */

/* Before the first request: takes the handlers out of what main.lua returned,
 * the table at APP. May raise. */
void lab_requests_open(lua_State *L, int app);
/* Cancels the requests of GENERATION; returns how many were cancelled now. */
unsigned lab_requests_cancel(lab_vm *vm, uint32_t generation);
/* Cancels the requests of any step that are ready to run. */
void lab_requests_cancel_ready(lab_vm *vm);
/* Requests of GENERATION that have not ended. */
unsigned lab_requests_count(lab_vm *vm, uint32_t generation);
/* The request that scripts know by ID; NULL: it has ended, or there was none.
 */
const lab_request *lab_requests_find(const lab_vm *vm, uint64_t id);
/* Answers all requests with 503, for shutdown. Their tasks are dropped
 * afterwards (lab_lua_task_drop_all). */
void lab_requests_drop_all(lab_vm *vm);

#endif
