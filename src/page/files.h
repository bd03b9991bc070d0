/* SPDX-License-Identifier: MIT
 * The files of the page: all of www, packed with gzip by the build
 * (cmake/LabPage.cmake) and part of the program. With WEB_SPEEDSCOPE=ON those
 * of speedscope are there, too, in a folder of that name. */
#ifndef LAB_PAGE_FILES_H
#define LAB_PAGE_FILES_H

#include "base/json.h"
#include "http/request.h"

/* Answers a request for the file NAME: packed if the client takes that, 304 if
 * it has this content already, 404 if there is no such file. The control
 * thread. */
void lab_page_send_file(lab_http_request *req, lab_http_str name);

/* Adds to an object "modules", the names of the page's scripts; and, where the
 * lab has it, "speedscope", the path of that viewer. Any thread. */
void lab_page_write_modules(lab_json *j);

#endif
