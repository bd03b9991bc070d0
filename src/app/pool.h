/* SPDX-License-Identifier: MIT
 * The threads of libuv's pool. */
#ifndef LAB_APP_POOL_H
#define LAB_APP_POOL_H

#include "diaglab/diaglab.h"

/* Sees to it that there are enough for what has turns (loop/turn.h), whatever
 * UV_THREADPOOL_SIZE says. Call it at the beginning: it may change the
 * environment. */
void lab_app_size_pool(void);
/* Starts the threads, with a name and with signals blocked. Returns 0; or a
 * negative errno, and none is started: the process may not have so many. */
int lab_app_start_pool(lab_app *app);
/* Has them find the names of the lab's own Lua functions (stack/sources.h),
 * which the first answer needn't wait for. */
void lab_app_name_sources(lab_app *app);

#endif
