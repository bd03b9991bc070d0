/* SPDX-License-Identifier: MIT
 * See programs.h. */
#include "kit/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "kit/interrupt.h"
#include "scenario/owner.h"

enum {
  WORDS_MAX = 64, /* of a command, and variables */
  PIECE_BYTES = 64 << 10,
  LOOK_MS = 10, /* how often to look whether it has ended */
  STOP_MS = 1000,
};

typedef struct program {
  pid_t pid; /* 0: none, or it has ended */
  int fd;    /* what it writes; -1: nothing more comes */
  int code;
} program;

static const char PROGRAM[] = "lab.program";

static program *check_program(lua_State *L) {
  return luaL_checkudata(L, 1, PROGRAM);
}

/* ---- its end ------------------------------------------------------------- */

static bool has_program_ended(program *p) {
  int status;
  pid_t pid = p->pid ? waitpid(p->pid, &status, WNOHANG) : -1;
  if (pid == 0 || (pid < 0 && errno == EINTR))
    return false;
  if (pid > 0)
    p->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  p->pid = 0;
  return true;
}

static void close_output(program *p) {
  if (p->fd >= 0)
    close(p->fd);
  p->fd = -1;
}

/* Children that it leaves behind in other groups are strays: see strays.h. */
static void stop_session(program *p, pid_t group, int number) {
  uint64_t deadline = lab_clock_mono() + STOP_MS * LAB_MILLISECOND;
  kill(-group, number);
  while (!has_program_ended(p)) {
    if (number == SIGKILL || lab_clock_mono() > deadline)
      kill(-group, SIGKILL);
    poll(NULL, 0, 1);
  }
}

static int stop_program(lua_State *L) {
  program *p = check_program(L);
  int number = (int)luaL_optinteger(L, 2, SIGKILL);
  if (p->pid != 0)
    stop_session(p, p->pid, number);
  close_output(p);
  lua_pushinteger(L, p->code);
  return 1;
}

static int close_program(lua_State *L) {
  program *p = check_program(L);
  if (p->pid != 0)
    stop_session(p, p->pid, SIGKILL);
  close_output(p);
  return 0;
}

/* ---- what it writes ------------------------------------------------------ */

/* Reads what is there into PIECE, of PIECE_BYTES. Returns how much. */
static size_t take_output(program *p, char *piece) {
  if (p->fd < 0)
    return 0;
  ssize_t n = read(p->fd, piece, PIECE_BYTES);
  if (n == 0)
    close_output(p);
  return n > 0 ? (size_t)n : 0;
}

/* What a child of it still writes comes too late: nobody waits for that. */
static int read_program(lua_State *L) {
  program *p = check_program(L);
  double seconds = luaL_checknumber(L, 2);
  uint64_t deadline = lab_clock_mono() + (uint64_t)(seconds * LAB_SECOND);
  luaL_Buffer buffer;
  char *piece = luaL_buffinitsize(L, &buffer, PIECE_BYTES);
  size_t len;
  bool ended;
  do {
    lab_kit_check_interrupt(L);
    ended = p->pid == 0 || has_program_ended(p);
    len = take_output(p, piece);
    if (len > 0 || ended)
      break;
    struct pollfd output = {.fd = p->fd, .events = POLLIN}; /* -1 is ignored */
    poll(&output, 1, LOOK_MS);
  } while (lab_clock_mono() < deadline);
  luaL_pushresultsize(&buffer, len);
  lua_pushboolean(L, ended && len == 0);
  return 2;
}

/* ---- its start ----------------------------------------------------------- */

/* The strings of the list at INDEX, which keeps them, and a NULL; returns how
 * many they are. */
static size_t take_words(lua_State *L, int index, char **words) {
  luaL_checktype(L, index, LUA_TTABLE);
  size_t n = (size_t)lua_rawlen(L, index);
  luaL_argcheck(L, n < WORDS_MAX, index, "too many words");
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    words[i] = (char *)luaL_checkstring(L, -1);
    lua_pop(L, 1);
  }
  words[n] = NULL;
  return n;
}

/* 0 or a negative errno. */
static int spawn_program(program *p, char *const *argv, char *const *variables,
                         size_t n) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return -errno;
  p->fd = ends[0];
  fcntl(p->fd, F_SETFL, O_NONBLOCK);
  char **envp = lab_spawn_environment(variables, n);
  const lab_spawn_options options = {.file = argv[0],
                                     .argv = argv,
                                     .envp = envp,
                                     .out = ends[1],
                                     .err = ends[1]};
  pid_t pid;
  int rc = lab_spawn(&pid, &options);
  if (rc == 0)
    p->pid = pid;
  else
    close_output(p);
  lab_xfree(envp);
  close(ends[1]);
  return rc;
}

static int start_program(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"read", read_program}, {"stop", stop_program}, {NULL, NULL}};
  char *argv[WORDS_MAX], *variables[WORDS_MAX];
  lua_settop(L, 2);
  luaL_argcheck(L, take_words(L, 1, argv) > 0, 1, "it has no words");
  size_t n = take_words(L, 2, variables);
  program *p = lab_push_owner(L, sizeof *p, 0, PROGRAM, close_program, methods);
  p->fd = -1;
  int rc = spawn_program(p, argv, variables, n);
  if (rc == 0)
    return 1;
  luaL_pushfail(L);
  lua_pushstring(L, strerror(-rc));
  lua_pushinteger(L, -rc);
  return 3;
}

const luaL_Reg lab_kit_programs[] = {
    {"start_program", start_program},
    {NULL, NULL},
};
