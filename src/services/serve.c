/* SPDX-License-Identifier: MIT
 * See serve.h. Each is an HTTP server, whose requests go to the VM as those of
 * "/" do. A request stays valid until it is answered, even if its server has
 * been closed meanwhile. */
#include "services/serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"
#include "http/http.h"
#include "scenario/request.h"
#include "services/services.h"
#include "vm/vm.h"

typedef struct served_request {
  lab_request x;
  lab_http_request *req;
} served_request;

static void answer_served_request(lab_call *call) {
  served_request *v = call->user;
  lab_request *x = &v->x;
  const char *headers = NULL;
  if (x->headers.len > 0) {
    lab_buf_putc(&x->headers, '\0');
    headers = x->headers.data;
  }
  lab_http_respond_buf(v->req, x->status, x->content_type, headers, &x->reply);
  lab_buf_free(&x->headers);
  lab_buf_free(&x->reply);
  lab_xfree(v);
}

/* As for the lab's own endpoints: all methods but GET and HEAD may change
 * something. */
static bool is_serve_refused(const lab_serve *serve, lab_http_request *req) {
  const char *method = lab_http_method(req), *reason;
  bool changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
  int status = lab_http_guard(
      req, &lab_services_config_of(&serve->errand)->guard, changes, &reason);
  if (status)
    lab_http_error(req, status, reason);
  return status != 0;
}

static const lab_request_facts facts = {.header = lab_http_header_at,
                                        .remote = lab_http_write_remote,
                                        .has_left = lab_http_has_left};
_Static_assert((int)LAB_REQUEST_REMOTE >= (int)LAB_ADDRESS_TEXT, "it fits");

static void on_served_request(lab_http_request *req, void *arg) {
  lab_serve *serve = arg;
  if (is_serve_refused(serve, req))
    return;
  if (atomic_load(&serve->errand.vm->stopping)) {
    lab_http_error(req, 503, "the lab is stopping");
    return;
  }
  served_request *v = lab_try_malloc(sizeof *v);
  if (!v) {
    lab_http_error(req, 503, "not enough memory for the request");
    return;
  }
  lab_http_str path = lab_http_path(req), query = lab_http_query(req);
  lab_http_str body = lab_http_body(req);
  v->req = req;
  v->x = (lab_request){
      .call = {.answered = answer_served_request, .user = v},
      .serve = serve,
      .method = lab_http_method(req),
      .method_len = strlen(lab_http_method(req)),
      .path = path.data,
      .path_len = path.len,
      .query = query.data,
      .query_len = query.len,
      .body = body.data,
      .body_len = body.len,
      .facts = &facts,
      .http = req,
  };
  lab_request_send(serve->errand.vm, &v->x, lab_clock_mono());
}

/* ---- listening ----------------------------------------------------------- */

static int refuse_serve(lab_serve *serve, int error, const char *reason) {
  snprintf(serve->message, sizeof serve->message, "%s", reason);
  return error;
}

/* Makes SERVER listen. 0 or a negative errno, and SERVE has a message. */
static int begin_serve(lab_serve *serve, lab_http_server *server) {
  lab_address a;
  int port;
  lab_err err;
  const char *wrong = lab_address_parse(serve->address, &a);
  if (wrong)
    return refuse_serve(serve, -EINVAL, wrong);
  if (!lab_address_is_loopback(&a.any))
    return refuse_serve(serve, -EACCES, LAB_ADDRESS_NOT_LOOPBACK);
  int rc = lab_http_listen(server, &a.any, &port, &err);
  if (rc == 0)
    rc = lab_errand_opened(&serve->errand, lab_http_listener_fd(server));
  if (rc)
    return refuse_serve(serve, rc, uv_strerror(rc));
  lab_address_set_port(&a, port);
  lab_address_write(&a.any, serve->address);
  return 0;
}

/* ---- descriptors and memory ---------------------------------------------- */

static lab_errand *find_errand(void *serve) {
  return &((lab_serve *)serve)->errand;
}

static int take_client(void *serve) {
  return lab_errand_take(find_errand(serve));
}

static void enter_client(void *serve, int fd) {
  lab_errand_accepted(find_errand(serve), fd);
}

static void leave_client(void *serve, int fd) {
  lab_errand_give(find_errand(serve), fd);
}

/* ---- life ---------------------------------------------------------------- */

void lab_services_serve(lab_errand *e) {
  lab_serve *serve = LAB_CONTAINER(e, lab_serve, errand);
  lab_http_server *server;
  lab_http_config config;
  lab_http_config_init(&config);
  config.on_request = on_served_request;
  config.may_open = take_client;
  config.opened = enter_client;
  config.closing = leave_client;
  config.arg = serve;
  config.idle_timeout_ms = serve->idle_ms;
  config.reserve = 0;
  config.counts_all = true;
  serve->error = lab_http_server_new(&server, lab_services_loop_of(e), &config);
  if (serve->error == 0) {
    serve->error = begin_serve(serve, server);
    if (serve->error)
      lab_http_server_close(server, NULL, NULL);
    else
      e->impl = server;
  }
  lab_errand_tell(e, 0);
}

void lab_services_stop_serve(lab_errand *e) {
  lab_http_server *server = e->impl;
  if (!server)
    return;
  if (!lab_http_server_drain(server, LAB_SERVICES_CLOSE_MOST)) {
    lab_errand_stop_again(e);
    return;
  }
  e->impl = NULL;
  lab_errand_closing(lab_http_listener_fd(server));
  lab_http_server_close(server, NULL, NULL);
  lab_http_server_abort(server);
}
