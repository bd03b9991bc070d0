/* SPDX-License-Identifier: MIT
 * The files of the page: all of www, packed with gzip by the build
 * (cmake/LabPage.cmake) and part of the program. */
#ifndef LAB_PAGE_FILES_H
#define LAB_PAGE_FILES_H

#include <stddef.h>

#include "http/request.h"

typedef struct lab_page_file {
  const char *name; /* "app.js" */
  const char *hash; /* of its content: 16 hexadecimal digits */
  const unsigned char *packed;
  size_t packed_len, len;
} lab_page_file;

extern const lab_page_file lab_page_files[];
extern const size_t lab_page_file_count;

/* Answers a request for the file NAME: packed if the client takes that, 304 if
 * it has this content already, 404 if there is no such file. The control
 * thread. */
void lab_page_send_file(lab_http_request *req, lab_http_str name);

#endif
