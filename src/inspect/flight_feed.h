/* SPDX-License-Identifier: MIT
 * Tells the flight recorder (trace/flight.h) what tasks do. Workers' jobs are
 * told by tracer.c, since workers know one sink. Threads: the VM's. */
#ifndef LAB_INSPECT_FLIGHT_FEED_H
#define LAB_INSPECT_FLIGHT_FEED_H

#include "vm/task.h"

/* From now on, and no longer. */
void lab_flight_feed(lab_sched *sched);
void lab_flight_starve(lab_sched *sched);

/* What the flight recorder knows of T. */
struct lab_flight_facts lab_flight_facts_of(const lab_lua_task *t);

#endif
