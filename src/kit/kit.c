/* SPDX-License-Identifier: MIT
 * See kit.h. */
#include "kit/kit.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>

#include "base/plain.h"
#include "diagnosis/profile.h"
#include "kit/batch.h"
#include "kit/files.h"
#include "kit/interrupt.h"
#include "kit/labs.h"
#include "kit/machine.h"
#include "kit/programs.h"
#include "kit/state.h"
#include "kit/strays.h"
#include "kit/temp.h"
#include "kit/turn.h"
#include "scenario/folders.h"
#include "scenario/host_files.h"
#include "scenario/parts.h"
#include "scenario/records.h"
#include "vm/stringlib.h"

static int add_kit_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void push_kit_host(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, lab_host_files, 0);
  luaL_setfuncs(L, lab_host_records, 0);
  luaL_setfuncs(L, lab_kit_files, 0);
  luaL_setfuncs(L, lab_kit_temp, 0);
  luaL_setfuncs(L, lab_kit_labs, 0);
  luaL_setfuncs(L, lab_kit_batch, 0);
  luaL_setfuncs(L, lab_kit_programs, 0);
  luaL_setfuncs(L, lab_kit_machine, 0);
  luaL_setfuncs(L, lab_diagnosis_profiles, 0);
  luaL_setfuncs(L, lab_kit_strays, 0);
  luaL_setfuncs(L, lab_kit_turn, 0);
  luaL_setfuncs(L, lab_kit_interrupts, 0);
}

typedef struct command {
  int argc;
  char **argv;
  int code;
} command;

/* Protected. */
static int run_command(lua_State *L) {
  command *c = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lab_stringlib_open(L); /* Ctrl-C ends a match, too */
  lab_part_push(L, "kit");
  push_kit_host(L);
  lua_call(L, 1, 1);
  lua_pushstring(L, c->argv[0]);
  lua_createtable(L, c->argc, 0);
  for (int i = 1; i < c->argc; i++) {
    lua_pushstring(L, c->argv[i]);
    lua_rawseti(L, -2, i);
  }
  lua_call(L, 2, 1);
  c->code = (int)luaL_checkinteger(L, -1);
  return 0;
}

int lab_kit_run(int argc, char **argv) {
  command c = {.argc = argc, .argv = argv, .code = 2};
  setvbuf(stdout, NULL, _IOLBF,
          0); /* who reads a pipe sees each line at once */
  lab_folders_want_lessons();
  lua_State *L = lab_kit_state_new();
  if (!L) {
    fputs("diaglab: not enough memory\n", stderr);
    return 2;
  }
  lab_kit_catch_interrupts(L);
  lab_kit_adopt_strays();
  lua_pushcfunction(L, add_kit_traceback);
  lua_pushcfunction(L, run_command);
  lua_pushlightuserdata(L, &c);
  bool ok = lua_pcall(L, 1, 0, -3) == LUA_OK;
  if (!ok && lab_kit_interrupted()) {
    fputs("interrupted\n", stderr);
    c.code = 128 + lab_kit_interrupted();
  } else if (!ok) {
    const char *message = lua_tostring(L, -1);
    fprintf(stderr, "diaglab %s: ", argv[0]);
    lab_plain_print(stderr, message ? message : "?");
    fputc('\n', stderr);
    c.code = 2;
  }
  lua_close(L); /* ends what was started */
  lab_kit_end_strays();
  if (lab_plain_flush(stdout))
    return c.code;
  fprintf(stderr, "diaglab %s: couldn't print all of it\n", argv[0]);
  return 2;
}
