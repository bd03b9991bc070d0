/* SPDX-License-Identifier: MIT
 * See pack.h. */
#include "web/pack.h"

#include "http/accept.h"

/* Less fits into one packet anyway. */
enum { LEAST = 1400 };

lab_gzip *lab_pack_begin(const lab_http_request *req, lab_buf *packed) {
  lab_gzip *gzip;
  if (!lab_http_takes_gzip(req) || lab_gzip_open(&gzip, packed))
    return NULL;
  return gzip;
}

void lab_pack_end(lab_gzip **gzip) {
  if (*gzip)
    lab_gzip_close(*gzip);
  *gzip = NULL;
}

bool lab_pack_text(const lab_http_request *req, const lab_buf *text,
                   lab_buf *packed) {
  lab_gzip *gzip = text->len < LEAST ? NULL : lab_pack_begin(req, packed);
  if (!gzip)
    return false;
  lab_gzip_write(gzip, text->data, text->len);
  lab_pack_end(&gzip);
  return true;
}
