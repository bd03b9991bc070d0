/* SPDX-License-Identifier: MIT
 * See interrupt.h. */
#include "kit/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;
static lua_State *interruptible;

static void raise_interrupt(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted");
}

/* lua_sethook may be called in a signal handler (lua.c does it, too). */
static void handle_interrupt(int number) {
  interrupted = number;
  lua_sethook(interruptible, raise_interrupt,
              LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void lab_kit_catch_interrupts(lua_State *L) {
  interruptible = L;
  struct sigaction hup, action = {.sa_handler = handle_interrupt};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, &hup);
  if (hup.sa_handler == SIG_IGN)
    sigaction(SIGHUP, &hup, NULL); /* it is run by nohup */
}

int lab_kit_interrupted(void) {
  return interrupted;
}

void lab_kit_check_interrupt(lua_State *L) {
  if (interrupted)
    luaL_error(L, "interrupted");
}

static int push_interrupted(lua_State *L) {
  lua_pushboolean(L, interrupted != 0);
  return 1;
}

const luaL_Reg lab_kit_interrupts[] = {
    {"interrupted", push_interrupted},
    {NULL, NULL},
};
