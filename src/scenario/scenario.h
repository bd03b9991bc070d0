/* SPDX-License-Identifier: MIT
 * Finding, loading, entering, serving and leaving steps. The order of a switch
 * is written in lua/main.lua. These files do what it asks for, and bring
 * requests and switches through the VM. Order in which the files may call each
 * other:
 *
 *   owner, lua_room < parts, data_file < host_files < reader, catalog
 *   shown < entry_watch < request < switches < host < scenario
 *   request < request_facts < host
 *   release < host
 *
 * Threads: the VM's, unless a header says otherwise. */
#ifndef LAB_SCENARIO_SCENARIO_H
#define LAB_SCENARIO_SCENARIO_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/entry_watch.h"
#include "scenario/release.h"
#include "scenario/request.h"
#include "scenario/shown.h"
#include "scenario/switches.h"

/* The step that is served. */
typedef struct lab_step {
  int number;
  uint64_t entered; /* as lab_shown_step's */
  char slug[LAB_SLUG_LEN];
  int table;           /* registry: what scenario.lua returned */
  uint32_t generation; /* of the tasks that belong to it */
  uint32_t label;      /* profile label of "/" */
} lab_step;

typedef struct lab_scenario_config {
  const char *const *dirs; /* with scenarios, in order of preference; copied */
  size_t ndirs;
  const char *const *params; /* "N.key=value", checked; copied */
  size_t nparams;
  const char *lua_dir; /* where lua/main.lua can be read by tools, or NULL */
} lab_scenario_config;

/* Private: each member belongs to the file of its name in this folder. */
typedef struct lab_scenario {
  lab_vm *vm;
  lab_step step; /* host.c writes it */
  lab_shown shown;
  lab_entry_watch watch;
  lab_requests requests;
  lab_switches switches;
  lab_release release;
  char **dirs, **params; /* constant */
  size_t ndirs, nparams;
  char *lua_dir;
} lab_scenario;

/* Makes vm->scenario, before the VM's thread runs; frees it, after that. */
void lab_scenario_new(lab_vm *vm, const lab_scenario_config *config);
void lab_scenario_free(lab_vm *vm);
/* Runs the embedded Lua files, with the table `lab` on top of the stack, and
 * keeps references to the functions that they return. OPENER: see
 * lab_host_push. May raise. */
void lab_scenario_open(lua_State *L, lua_CFunction opener);
/* The folders with scenarios. Any thread. */
const char *const *lab_scenario_dirs(const lab_vm *vm, size_t *n);

#endif
