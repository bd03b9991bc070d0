/* SPDX-License-Identifier: MIT
 * See page.h. */
#include "web/page.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "web/web_internal.h"

void lab_web_set_page(lab_web *web, const lab_web_page *page) {
  web->page = page ? *page : (lab_web_page){0};
}

void lab_web_answer_page(lab_web *web, lab_http_request *req) {
  if (web->stopping)
    lab_http_error(req, 503, "the lab is stopping");
  else if (web->page.answer)
    web->page.answer(web->page.arg, req);
  else
    lab_http_error(req, 404,
                   "This lab was built without its page (WEB_UI=OFF): use "
                   "/steps, /hint, /status, /lab/answer and /debug/pprof/");
}

/* HTML is named, and JSON isn't named before it. */
bool lab_web_wants_page(const lab_web *web, const lab_http_request *req) {
  static const char html[] = "text/html", json[] = "application/json";
  lab_http_str accept;
  lab_http_header(req, "Accept", &accept);
  const char *page = memmem(accept.data, accept.len, html, sizeof html - 1);
  const char *data = memmem(accept.data, accept.len, json, sizeof json - 1);
  return web->page.answer && page && (!data || page < data);
}

void lab_web_tell(lab_web *web, const lab_web_news *news) {
  if (web->page.happened)
    web->page.happened(web->page.arg, news);
}

void lab_web_tell_capture(lab_web *web, unsigned id) {
  const lab_capture *c = lab_captures_get(&web->captures, id);
  char text[LAB_CAPTURE_KIND + 16];
  if (!c)
    return; /* it was too large to be kept */
  snprintf(text, sizeof text, "c%u %s", id, c->kind);
  lab_web_tell(
      web, &(lab_web_news){.kind = "capture", .step = c->step, .text = text});
}

const char *const *lab_web_dirs(const lab_web *web, size_t *n) {
  *n = web->ndirs;
  return (const char *const *)web->dirs;
}

const lab_captures *lab_web_captures_kept(const lab_web *web) {
  return &web->captures;
}

int lab_web_hints_told(const lab_web *web, int step) {
  for (size_t i = 0; i < web->ntold; i++)
    if (web->told[i].step == step)
      return web->told[i].last;
  return 0;
}

lab_standing *lab_web_standing(const lab_web *web) {
  return web->standing;
}

bool lab_web_keeps_progress(const lab_web *web) {
  return lab_progress_folder(web->progress) &&
         !lab_progress_fails(web->progress);
}

bool lab_web_is_switching(const lab_web *web) {
  return !lab_list_empty(&web->gotos);
}

uint64_t lab_web_answered(const lab_web *web) {
  return lab_request_stats_total(&web->stats);
}

/* A socket that listens on all addresses is reached by that of this machine. */
static void choose_loopback(struct sockaddr_storage *address) {
  struct sockaddr_in *in4 = (struct sockaddr_in *)address;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
  if (address->ss_family == AF_INET && in4->sin_addr.s_addr == INADDR_ANY)
    in4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else if (address->ss_family == AF_INET6 &&
           IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
    in6->sin6_addr = in6addr_loopback;
}

static void write_own_url(const struct sockaddr_storage *address,
                          char out[LAB_WEB_URL]) {
  const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
  bool is_ip6 = address->ss_family == AF_INET6;
  char host[INET6_ADDRSTRLEN] = "";
  if (is_ip6)
    uv_ip6_name(in6, host, sizeof host);
  else
    uv_ip4_name(in4, host, sizeof host);
  snprintf(out, LAB_WEB_URL, is_ip6 ? "http://[%s]:%d" : "http://%s:%d", host,
           ntohs(is_ip6 ? in6->sin6_port : in4->sin_port));
}

int lab_web_own_url(const lab_web *web, char out[LAB_WEB_URL]) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  if (!web->server)
    return -ENOTCONN;
  int fd = lab_http_listener_fd(web->server);
  if (getsockname(fd, (struct sockaddr *)&address, &len))
    return -errno;
  choose_loopback(&address);
  write_own_url(&address, out);
  return 0;
}
