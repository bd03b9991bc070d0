/* SPDX-License-Identifier: MIT
 * Requests, side by side: a profile is recorded while a load runs.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_BATCH_H
#define LAB_KIT_BATCH_H

#include <lauxlib.h>

/* host.together { job, ... } -> { result, ... }
 *   does the jobs at the same time, and returns when all have ended. A job is
 *     { get = URL, after = seconds, timeout = seconds }
 *       -> { status = 200, body = "...", took = seconds } or { error = "..." }
 *     { post = URL, body = text, type = its Content-Type, ... }: likewise; both
 *       may have an agent, the User-Agent (diaglab-kit)
 *     { load = plan of lesson.lua with `url` before its paths }
 *       -> { requests, elapsed, statuses = { ["2xx"] = n, ..., none = n },
 *            latency = { p50, p90, p99, max, mean } }
 *     { pause = seconds } -> {}
 *   A job with `after` begins that much later; one with `follows = n` begins
 *   when the n-th job has ended. */
extern const luaL_Reg lab_kit_batch[];

#endif
