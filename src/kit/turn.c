/* SPDX-License-Identifier: MIT
 * See turn.h. */
#include "kit/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "kit/interrupt.h"
#include "scenario/owner.h"

typedef struct turn {
  int fd;
} turn;

static const char TURN[] = "lab.turn";

static int end_turn(lua_State *L) {
  turn *t = luaL_checkudata(L, 1, TURN);
  if (t->fd >= 0)
    close(t->fd);
  t->fd = -1;
  return 0;
}

static turn *push_turn(lua_State *L) {
  turn *t = lab_push_owner(L, sizeof *t, 0, TURN, end_turn, NULL);
  t->fd = -1;
  return t;
}

/* A signal's handler interrupts the waiting. */
static int wait_for_turn(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  int kind = lua_toboolean(L, 2) ? LOCK_EX : LOCK_SH;
  turn *t = push_turn(L);
  t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int rc = t->fd < 0 ? -1 : flock(t->fd, kind);
  while (rc < 0 && errno == EINTR) {
    lab_kit_check_interrupt(L);
    rc = flock(t->fd, kind);
  }
  return rc == 0 ? 1 : luaL_fileresult(L, 0, path);
}

const luaL_Reg lab_kit_turn[] = {
    {"take_turn", wait_for_turn},
    {NULL, NULL},
};
