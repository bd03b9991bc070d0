/* SPDX-License-Identifier: MIT
 * The load of a lesson, as a plan of the load generator.
 *
 * Threads: the only one. */
#ifndef LAB_KIT_LESSON_PLAN_H
#define LAB_KIT_LESSON_PLAN_H

#include <lua.h>

#include "load/plan.h"

/* `main` refers to the two others, if there are any: don't copy it. */
typedef struct lab_lesson_plan {
  lab_load_plan main, first, beside;
} lab_lesson_plan;

/* Reads the plan at the top of L's stack, a table as sentence.lua describes it.
 * The texts are those of the table, which must stay. Raises if a text is none,
 * or a number is below 0 or too large for the plan. */
void lab_lesson_plan_take(lua_State *L, lab_lesson_plan *plan);

#endif
