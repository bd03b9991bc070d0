/* SPDX-License-Identifier: MIT
 * Names of statuses, in Go's words, and the Date line. */
#include <string.h>

#include "http/conn.h"
#include "http/response.h"

static const struct {
  int status;
  const char *text;
} names[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Requested Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {422, "Unprocessable Entity"},
    {423, "Locked"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *lab_http_status_text(int status) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].status == status)
      return names[i].text;
  return "";
}

const char *lab_http_date(lab_http_server *server) {
  time_t now = time(NULL);
  if (now != server->date_second) {
    struct tm tm;
    gmtime_r(&now, &tm);
    /* The C locale's names, unless somebody calls setlocale: we don't. */
    strftime(server->date, sizeof server->date,
             "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    server->date_second = now;
  }
  return server->date;
}
