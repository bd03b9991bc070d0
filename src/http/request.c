/* SPDX-License-Identifier: MIT
 * A request's memory, and reading it.
 *
 * The server keeps finished requests, with their buffers, to use them again,
 * unless the buffers have grown unusually large. A request that outlives its
 * server frees itself. */
#include "http/request.h"

#include <string.h>
#include <strings.h>

#include <llhttp.h>

#include "base/alloc.h"
#include "base/err.h"
#include "http/conn.h"
#include "http/peer.h"
#include "http/request_internal.h"
#include "http/server_internal.h"

#define FREE_MAX 256 /* requests kept for use again */
/* What a request has of its own, and a kept one may hold. What is more counts
 * if it is a scenario's. */
#define KEEP_TEXT_MAX 1024
#define KEEP_FIELDS_MAX 32
enum { FIRST_TEXT = 256, FIRST_FIELDS = 16 };

lab_http_request *lab_http_request_new(lab_http_server *server) {
  lab_http_request *req = server->free_requests;
  if (req) {
    server->free_requests = req->next_free;
    server->free_count--;
  } else {
    req = lab_try_zalloc(sizeof *req);
    if (!req)
      return NULL;
  }
  req->server = server;
  req->refs = 1;
  return req;
}

static size_t measure_fields(size_t n) {
  return n * sizeof(lab_http_field);
}

static void free_fields(lab_http_request *req) {
  if (req->fields_counted)
    lab_counted_free(req->fields, measure_fields(req->field_cap));
  else
    lab_xfree(req->fields);
}

static void free_request(lab_http_request *req) {
  lab_buf_free(&req->text);
  lab_buf_free(&req->body);
  free_fields(req);
  lab_xfree(req);
}

/* ---- the memory of its head ---------------------------------------------- */

bool lab_http_request_reserve_text(lab_http_request *req, size_t n,
                                   bool counted) {
  size_t most = req->text.len + n;
  if (req->text.cap == 0 && n < FIRST_TEXT)
    n = FIRST_TEXT;
  return lab_buf_try_reserve(&req->text, n, counted && most > KEEP_TEXT_MAX);
}

/* Moves the fields into a scenario's memory, of CAP fields. */
static bool count_fields(lab_http_request *req, size_t cap) {
  lab_http_field *fields = lab_counted_realloc(NULL, 0, measure_fields(cap));
  if (!fields)
    return false;
  memcpy(fields, req->fields, measure_fields(req->field_count));
  free_fields(req);
  req->fields = fields;
  req->field_cap = cap;
  req->fields_counted = true;
  return true;
}

static bool resize_fields(lab_http_request *req, size_t cap) {
  lab_http_field *fields =
      req->fields_counted
          ? lab_counted_realloc(req->fields, measure_fields(req->field_cap),
                                measure_fields(cap))
          : lab_try_realloc(req->fields, measure_fields(cap));
  if (!fields)
    return false;
  req->fields = fields;
  req->field_cap = cap;
  return true;
}

bool lab_http_request_reserve_field(lab_http_request *req, bool counted) {
  if (req->field_count < req->field_cap)
    return true;
  size_t cap = req->field_cap ? req->field_cap * 2 : FIRST_FIELDS;
  bool moves = counted && !req->fields_counted && cap > KEEP_FIELDS_MAX;
  return moves ? count_fields(req, cap) : resize_fields(req, cap);
}

bool lab_http_request_count_head(lab_http_request *req) {
  if (req->text.cap > KEEP_TEXT_MAX && !lab_buf_try_count(&req->text))
    return false;
  return req->field_cap <= KEEP_FIELDS_MAX ||
         (req->fields_counted ? resize_fields(req, req->field_count)
                              : count_fields(req, req->field_count));
}

bool lab_http_request_is_usual(const lab_http_request *req) {
  return req->text.cap <= KEEP_TEXT_MAX && !req->text.counted &&
         req->field_cap <= KEEP_FIELDS_MAX && !req->fields_counted;
}

size_t lab_http_request_own_bytes(const lab_http_request *req) {
  size_t fields = req->fields_counted ? 0 : measure_fields(req->field_cap);
  return fields + (req->text.counted ? 0 : req->text.cap);
}

/* ---- its life ------------------------------------------------------------ */

void lab_http_request_free_spares(lab_http_server *server) {
  while (server->free_requests) {
    lab_http_request *req = server->free_requests;
    server->free_requests = req->next_free;
    free_request(req);
  }
}

static bool is_worth_keeping(const lab_http_request *req) {
  return req->server && req->server->free_count < FREE_MAX &&
         lab_http_request_is_usual(req);
}

static void release_reference(lab_http_request *req) {
  LAB_ASSERT(req->refs > 0);
  if (--req->refs > 0)
    return;
  if (!is_worth_keeping(req)) {
    free_request(req);
    return;
  }
  lab_http_server *server = req->server;
  lab_buf_free(&req->body);
  *req = (lab_http_request){
      .text = {req->text.data, 0, req->text.cap, false},
      .fields = req->fields,
      .field_cap = req->field_cap,
      .next_free = server->free_requests,
  };
  server->free_requests = req;
  server->free_count++;
}

void lab_http_request_end(lab_http_request *req) {
  if (req->dropped)
    return; /* lab_http_request_drop has given up the reference */
  LAB_ASSERT(!req->ended);
  req->ended = true;
  req->conn = NULL;
  if (req->refs > 1)
    req->server = NULL; /* it may be held longer than the server exists */
  release_reference(req);
}

void lab_http_request_drop(lab_http_request *req) {
  req->gone(req, req->gone_arg);
  req->dropped = req->ended = true;
  req->server = req->refs > 1 ? NULL : req->server;
  release_reference(req);
}

void lab_http_hold(lab_http_request *req) {
  req->refs++;
}

void lab_http_release(lab_http_request *req) {
  release_reference(req);
}

static lab_http_str find_text(const lab_http_request *req, lab_http_span span) {
  return (lab_http_str){req->text.data + span.at, span.len};
}

const char *lab_http_method(const lab_http_request *req) {
  return llhttp_method_name(req->method);
}

bool lab_http_is_head(const lab_http_request *req) {
  return req->method == HTTP_HEAD;
}

lab_http_str lab_http_path(const lab_http_request *req) {
  return find_text(req, req->path);
}

lab_http_str lab_http_query(const lab_http_request *req) {
  return find_text(req, req->query);
}

lab_http_str lab_http_host(const lab_http_request *req) {
  if (req->authority.len > 0)
    return find_text(req, req->authority);
  if (req->host.len > 0)
    return find_text(req, req->host);
  return (lab_http_str){"", 0};
}

static bool is_field_called(const lab_http_request *req, size_t i,
                            const char *name, size_t len) {
  lab_http_span span = req->fields[i].name;
  return span.len == len &&
         strncasecmp(req->text.data + span.at, name, len) == 0;
}

bool lab_http_header(const lab_http_request *req, const char *name,
                     lab_http_str *out) {
  size_t len = strlen(name);
  for (size_t i = 0; i < req->field_count; i++)
    if (is_field_called(req, i, name, len)) {
      *out = find_text(req, req->fields[i].value);
      return true;
    }
  *out = (lab_http_str){"", 0};
  return false;
}

size_t lab_http_header_count(const lab_http_request *req, const char *name) {
  size_t count = 0, len = strlen(name);
  for (size_t i = 0; i < req->field_count; i++)
    count += is_field_called(req, i, name, len);
  return count;
}

bool lab_http_header_at(const lab_http_request *req, size_t i, lab_field *out) {
  if (i >= req->field_count)
    return false;
  const lab_http_field *field = &req->fields[i];
  *out = (lab_field){.name = req->text.data + field->name.at,
                     .name_len = field->name.len,
                     .value = req->text.data + field->value.at,
                     .value_len = field->value.len};
  return true;
}

lab_http_str lab_http_body(const lab_http_request *req) {
  if (req->body.len == 0)
    return (lab_http_str){"", 0};
  return (lab_http_str){req->body.data, req->body.len - 1};
}

void lab_http_write_remote(const lab_http_request *req, char *out) {
  lab_http_peer_write(&req->peer, out);
}

bool lab_http_has_left(const lab_http_request *req) {
  return atomic_load(&req->left);
}

/* Of the two, the first one to come decides. */
static bool decide_fate(lab_http_request *req, unsigned char fate) {
  unsigned char before = LAB_HTTP_UNDECIDED;
  return atomic_compare_exchange_strong(&req->fate, &before, fate) ||
         before == fate;
}

bool lab_http_commit(lab_http_request *req) {
  return decide_fate(req, LAB_HTTP_COMMITTED);
}

bool lab_http_request_try_refuse(lab_http_request *req) {
  return decide_fate(req, LAB_HTTP_REFUSED);
}

bool lab_http_is_loopback(const lab_http_request *req) {
  return req->loopback;
}

bool lab_http_is_reserved(const lab_http_request *req) {
  return req->conn && req->conn->reserved;
}

void lab_http_on_gone(lab_http_request *req,
                      void (*gone)(lab_http_request *req, void *arg),
                      void *arg) {
  req->gone = gone;
  req->gone_arg = arg;
}

bool lab_http_is_gone(const lab_http_request *req) {
  return req->conn == NULL;
}

bool lab_http_may_be_gone(const lab_http_request *req) {
  return req->conn == NULL || req->conn->eof;
}
