/* SPDX-License-Identifier: MIT
 * The names of HTTP statuses. Pure: any thread. */
#ifndef LAB_HTTP_STATUS_H
#define LAB_HTTP_STATUS_H

/* "Not Found" for 404, in Go's words; "" for a status without a name. */
const char *lab_http_status_text(int status);

#endif
