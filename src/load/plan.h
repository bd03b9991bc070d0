/* SPDX-License-Identifier: MIT
 * What a load sends, and how fast.
 *
 * Threads: any. */
#ifndef LAB_LOAD_PLAN_H
#define LAB_LOAD_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { LAB_LOAD_CLIENTS_MAX = 10000 };

/* A field that is 0 or NULL has its default. The texts belong to the caller. */
typedef struct lab_load_plan {
  const char *path;    /* "/"; each {n} in it becomes the request's number, from
                          1 on */
  const char *method;  /* GET, or POST if there is a body */
  const char *headers; /* further ones, "Name: value\r\n" each */
  const void *body;
  size_t body_len;
  /* It ends when so many requests have been answered, or when no more are sent
   * because so much time is over, whichever is first. Neither: one request; for
   * `beside`: when the load beside it ends. */
  uint64_t requests;
  uint64_t duration_ns;
  unsigned
      clients; /* 1: as many connections, each with one request at a time */
  /* Requests per second, of all clients. Each is due at its time, and its
   * latency counts from then, also where it has to wait for a free client: what
   * a server that stalls does to those who come meanwhile is seen. 0: a client
   * sends the next request when it has the answer to the last. */
  double rate;
  uint64_t timeout_ns; /* 10 s: for an answer */
  /* A load that is run before and not counted; one that is run at the same
   * time, not counted, and cut when this one ends. These have neither. */
  const struct lab_load_plan *first, *beside;
} lab_load_plan;

/* SECONDS in ns. What is above 0 stays so: 0 would stand for the default; and
 * no number is too large. */
uint64_t lab_load_plan_ns(double seconds);

/* 0; or -EINVAL, and the message says what is wrong: "path: ...". */
int lab_load_plan_check(const lab_load_plan *plan, lab_err *err);

/* The same with its defaults, but for requests and duration. */
lab_load_plan lab_load_plan_complete(const lab_load_plan *plan);

/* Does each request have a text of its own? */
bool lab_load_plan_is_numbered(const lab_load_plan *plan);

/* Appends request NUMBER of a complete plan, as it is sent to HOST, which is
 * the N bytes of "name:port". */
void lab_load_plan_write(const lab_load_plan *plan, const char *host, size_t n,
                         uint64_t number, lab_buf *out);

#endif
