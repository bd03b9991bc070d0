/* SPDX-License-Identifier: MIT
 * The whole HTTP server in one include. Read server.h, request.h, response.h
 * and guard.h, in this order. */
#ifndef LAB_HTTP_HTTP_H
#define LAB_HTTP_HTTP_H

#include "http/guard.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"

#endif
