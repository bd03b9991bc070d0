/* SPDX-License-Identifier: MIT
 * What authors of scenarios use: diaglab check, test, new, classes; and what
 * students use beside a lab: answer, doctor, progress, repair. They are written
 * in Lua (lua/kit.lua); this module gives them what Lua has not: files,
 * profiles that are read, labs and tools that are started, requests that are
 * sent. Order in which the files may call each other:
 *
 *   interrupt, lesson_plan < load_job < batch; interrupt < labs < strays;
 *   interrupt < turn, programs; all these, files, machine, state < kit
 *   lesson_plan, batch, state < step_load, for diaglab load
 *
 * A process that runs a verb is no lab: it has one thread, and ends with the
 * verb. */
#ifndef LAB_KIT_KIT_H
#define LAB_KIT_KIT_H

/* Runs argv[0], which is a verb, with the arguments behind it. Returns the
 * program's exit code. */
int lab_kit_run(int argc, char **argv);

#endif
