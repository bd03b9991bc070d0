/* SPDX-License-Identifier: MIT
 * See load_job.h. */
#include "kit/load_job.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/client.h"

typedef struct part {
  struct lab_load_job *job;
  char *url, *path, *method, *body;
  uint64_t requests, sent, inflight, timeout_ms;
  double seconds;
  unsigned clients;
  bool present, counted;
} part;

typedef struct client {
  part *part;
  lab_http_call *call;
  uint64_t began;
  struct client *next;
} client;

struct lab_load_job {
  uv_loop_t *loop;
  part main, beside, first;
  client *clients;
  void (*done)(void *arg);
  void *arg;
  bool ending, freed;
  uint64_t began, ended;
  double *latencies;
  size_t n, room;
  uint64_t statuses[6]; /* [0]: none */
};

static void begin_request(client *c);

static double get_number(lua_State *L, const char *key, double other) {
  lua_getfield(L, -1, key);
  double v = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : other;
  lua_pop(L, 1);
  return v;
}

static char *get_text(lua_State *L, const char *key, const char *other) {
  lua_getfield(L, -1, key);
  char *v = lab_xstrdup(lua_isstring(L, -1) ? lua_tostring(L, -1) : other);
  lua_pop(L, 1);
  return v;
}

static void read_part(lua_State *L, lab_load_job *j, part *p, const char *url,
                      bool counted) {
  p->job = j;
  p->present = true;
  p->counted = counted;
  p->url = lab_xstrdup(url);
  p->path = get_text(L, "path", "/");
  p->method = get_text(L, "method", "GET");
  p->body = get_text(L, "body", "");
  p->requests = (uint64_t)get_number(L, "requests", 0);
  p->seconds = get_number(L, "seconds", 0);
  p->clients = (unsigned)get_number(L, "clients", 1);
  p->timeout_ms = (uint64_t)(get_number(L, "timeout", 10) * 1000);
}

lab_load_job *lab_load_job_new(lua_State *L, uv_loop_t *loop) {
  lab_load_job *j = lab_xcalloc(1, sizeof *j);
  j->loop = loop;
  lua_getfield(L, -1, "url");
  const char *url = lua_tostring(L, -1);
  lua_pop(L, 1);
  read_part(L, j, &j->main, url ? url : "", true);
  lua_getfield(L, -1, "beside");
  if (lua_istable(L, -1))
    read_part(L, j, &j->beside, url, false);
  lua_pop(L, 1);
  lua_getfield(L, -1, "first");
  if (lua_istable(L, -1))
    read_part(L, j, &j->first, url, false);
  lua_pop(L, 1);
  return j;
}

static bool wants_more(part *p) {
  if (p->job->ending && p != &p->job->main)
    return false;
  if (p->requests)
    return p->sent < p->requests;
  if (p->seconds > 0)
    return (double)(lab_clock_mono() - p->job->began) / 1e9 < p->seconds;
  return true;
}

static void begin_part(part *p) {
  for (unsigned i = 0; i < p->clients; i++) {
    client *c = lab_xcalloc(1, sizeof *c);
    c->part = p;
    c->next = p->job->clients;
    p->job->clients = c;
    begin_request(c);
  }
}

static void part_ended(part *p) {
  lab_load_job *j = p->job;
  if (p == &j->first) {
    j->began = lab_clock_mono();
    if (j->beside.present)
      begin_part(&j->beside);
    begin_part(&j->main);
  } else if (p == &j->main) {
    j->ended = lab_clock_mono();
    j->ending = true;
    for (client *c = j->clients; c; c = c->next)
      if (c->call) {
        lab_http_call_cancel(c->call);
        c->call = NULL;
      }
    j->done(j->arg);
  }
}

static void on_answer(void *arg, lab_http_result *result) {
  client *c = arg;
  part *p = c->part;
  lab_load_job *j = p->job;
  c->call = NULL;
  p->inflight--;
  if (p->counted) {
    if (j->n == j->room) {
      j->room = j->room ? 2 * j->room : 256;
      j->latencies = lab_xrealloc(j->latencies, j->room * sizeof(double));
    }
    j->latencies[j->n++] = (double)(lab_clock_mono() - c->began) / 1e9;
    int s = result->error ? 0 : result->status / 100;
    j->statuses[s > 0 && s < 6 ? s : 0]++;
  }
  if (wants_more(p))
    begin_request(c);
  else if (p->inflight == 0)
    part_ended(p);
}

static void begin_request(client *c) {
  part *p = c->part;
  if (!wants_more(p))
    return;
  p->sent++;
  p->inflight++;
  char url[2048], n[32];
  const char *at = strstr(p->path, "{n}");
  snprintf(n, sizeof n, "%llu", (unsigned long long)p->sent);
  if (at)
    snprintf(url, sizeof url, "%s%.*s%s%s", p->url, (int)(at - p->path),
             p->path, n, at + 3);
  else
    snprintf(url, sizeof url, "%s%s", p->url, p->path);
  c->began = lab_clock_mono();
  const lab_http_call_config config = {.method = p->method,
                                       .url = url,
                                       .headers = "User-Agent: diaglab-load\r\n",
                                       .body = p->body,
                                       .body_len = strlen(p->body),
                                       .timeout_ms = p->timeout_ms,
                                       .max_body = 64 << 20,
                                       .done = on_answer,
                                       .arg = c};
  c->call = lab_http_call_begin(p->job->loop, &config);
}

void lab_load_job_begin(lab_load_job *j, void (*done)(void *arg), void *arg) {
  j->done = done;
  j->arg = arg;
  j->began = lab_clock_mono();
  if (j->first.present) {
    begin_part(&j->first);
    return;
  }
  if (j->beside.present)
    begin_part(&j->beside);
  begin_part(&j->main);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void push_latency(lua_State *L, const lab_load_job *j) {
  lua_newtable(L);
  if (j->n == 0)
    return;
  qsort(j->latencies, j->n, sizeof(double), compare);
  static const struct {
    const char *name;
    double q;
  } q[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};
  for (size_t i = 0; i < sizeof q / sizeof *q; i++) {
    size_t at = (size_t)(q[i].q * (double)j->n);
    lua_pushnumber(L, j->latencies[at < j->n ? at : j->n - 1]);
    lua_setfield(L, -2, q[i].name);
  }
  double sum = 0;
  for (size_t i = 0; i < j->n; i++)
    sum += j->latencies[i];
  lua_pushnumber(L, sum / (double)j->n);
  lua_setfield(L, -2, "mean");
}

void lab_load_job_push_result(lua_State *L, const lab_load_job *j) {
  static const char *const names[] = {"none", "1xx", "2xx",
                                      "3xx",  "4xx", "5xx"};
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer)j->n);
  lua_setfield(L, -2, "requests");
  lua_pushnumber(L, (double)(j->ended - j->began) / 1e9);
  lua_setfield(L, -2, "elapsed");
  lua_newtable(L);
  for (size_t i = 0; i < 6; i++) {
    lua_pushinteger(L, (lua_Integer)j->statuses[i]);
    lua_setfield(L, -2, names[i]);
  }
  lua_setfield(L, -2, "statuses");
  push_latency(L, j);
  lua_setfield(L, -2, "latency");
}

static void free_part(part *p) {
  lab_xfree(p->url);
  lab_xfree(p->path);
  lab_xfree(p->method);
  lab_xfree(p->body);
}

void lab_load_job_free(lab_load_job *j) {
  for (client *c = j->clients, *next; c; c = next) {
    next = c->next;
    if (c->call)
      lab_http_call_cancel(c->call);
    lab_xfree(c);
  }
  free_part(&j->main);
  free_part(&j->beside);
  free_part(&j->first);
  lab_xfree(j->latencies);
  lab_xfree(j);
}
