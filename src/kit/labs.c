/* SPDX-License-Identifier: MIT
 * See labs.h. */
#include "kit/labs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/process.h"
#include "base/spawn.h"
#include "kit/interrupt.h"
#include "plugin/plugin.h"
#include "scenario/owner.h"

enum {
  START_MS = 20000, /* how long a lab may take until it listens */
  STOP_MS = 5000,   /* and to end */
  ARGUMENTS_MAX = 128,
};

/* A process that was started; pid 0: it has ended. */
typedef struct started {
  struct started *next; /* of `running`, while it has a pid */
  pid_t pid;
  int port;
  int code; /* how it ended: exit code, or 128 + signal */
} started;

static const char STARTED[] = "lab.started";
static started *running;

bool lab_kit_has_started(pid_t pid) {
  for (const started *s = running; s; s = s->next)
    if (s->pid == pid)
      return true;
  return false;
}

static void note_started(started *s, pid_t pid) {
  s->pid = pid;
  s->next = running;
  running = s;
}

static void note_ended(started *s) {
  started **link = &running;
  while (*link && *link != s)
    link = &(*link)->next;
  if (*link)
    *link = s->next;
  s->pid = 0;
}

/* ---- their end ----------------------------------------------------------- */

static bool has_process_ended(started *s) {
  int status;
  pid_t pid = s->pid ? waitpid(s->pid, &status, WNOHANG) : -1;
  if (pid == 0 || (pid < 0 && errno == EINTR))
    return false;
  if (pid > 0)
    s->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  note_ended(s);
  return true;
}

static void sleep_ms(long ms) {
  const struct timespec t = {.tv_nsec = ms * 1000000L};
  nanosleep(&t, NULL);
}

/* TERM, and after STOP_MS KILL. */
static void stop_started(started *s) {
  if (s->pid == 0 || has_process_ended(s))
    return;
  kill(s->pid, SIGTERM);
  uint64_t deadline = lab_clock_mono() + STOP_MS * LAB_MILLISECOND;
  while (!has_process_ended(s)) {
    if (lab_clock_mono() > deadline)
      kill(s->pid, SIGKILL);
    sleep_ms(1);
  }
}

static started *check_started(lua_State *L) {
  return luaL_checkudata(L, 1, STARTED);
}

static int stop_lab(lua_State *L) {
  started *s = check_started(L);
  stop_started(s);
  lua_pushinteger(L, s->code);
  return 1;
}

static int close_lab(lua_State *L) {
  stop_started(check_started(L));
  return 0;
}

static int push_port(lua_State *L) {
  lua_pushinteger(L, check_started(L)->port);
  return 1;
}

static int push_ended(lua_State *L) {
  started *s = check_started(L);
  lua_pushboolean(L, s->pid == 0 || has_process_ended(s));
  return 1;
}

static int push_waited(lua_State *L) {
  int64_t ns = lab_process_waited(check_started(L)->pid);
  if (ns < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, (lua_Number)ns / 1e9);
  return 1;
}

static int push_pid(lua_State *L) {
  lua_pushinteger(L, check_started(L)->pid);
  return 1;
}

/* ---- their start --------------------------------------------------------- */

static started *push_started(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"port", push_port},   {"pid", push_pid},  {"waited", push_waited},
      {"ended", push_ended}, {"stop", stop_lab}, {NULL, NULL}};
  return lab_push_owner(L, sizeof(started), 0, STARTED, close_lab, methods);
}

/* Reads the end of the file at PATH, SIZE - 1 bytes at most, without newlines
 * at its end; returns how many are left. */
static size_t read_end(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0)
    lseek(fd, 1 - (off_t)size, SEEK_END); /* fails if it has less */
  ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
  if (fd >= 0)
    close(fd);
  while (n > 0 && text[n - 1] == '\n')
    n--;
  text[n < 0 ? 0 : n] = '\0';
  return n < 0 ? 0 : (size_t)n;
}

/* The port that the lab has told, or 0. */
static int find_lab_port(const char *path) {
  char text[16];
  bool is_told = read_end(path, text, sizeof text) > 0;
  if (is_told)
    unlink(path);
  return is_told ? (int)strtol(text, NULL, 10) : 0;
}

/* The last line of the log, which says why a lab has ended. */
static int push_reason(lua_State *L, const char *log) {
  luaL_pushfail(L);
  char text[4096];
  size_t n = read_end(log, text, sizeof text);
  const char *line = strrchr(text, '\n');
  lua_pushfstring(L, "the lab didn't start: %s",
                  n == 0 ? "it wrote nothing" : (line ? line + 1 : text));
  return 2;
}

static int wait_for_port(lua_State *L, started *s, const char *log,
                         const char *port) {
  uint64_t deadline = lab_clock_mono() + START_MS * LAB_MILLISECOND;
  while ((s->port = find_lab_port(port)) == 0) {
    lab_kit_check_interrupt(L);
    if (has_process_ended(s))
      return push_reason(L, log);
    if (lab_clock_mono() > deadline) {
      luaL_pushfail(L);
      lua_pushliteral(L, "the lab didn't start: it doesn't listen");
      return 2;
    }
    sleep_ms(2);
  }
  return 1; /* the lab, which is at the top */
}

/* The strings of the list at the stack's place 2, which keeps them, go to ARGV,
 * which has room for so many and a NULL. */
static void take_arguments(lua_State *L, char **argv, size_t room) {
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t n = (size_t)lua_rawlen(L, 2);
  luaL_argcheck(L, n <= room, 2, "too many arguments");
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    argv[i] = (char *)luaL_checkstring(L, -1);
    lua_pop(L, 1);
  }
  argv[n] = NULL;
}

/* Starts this program, and pushes it. Its output goes to the file LOG. NULL: a
 * failure and a message are on the stack instead. */
static started *start_logged(lua_State *L, const char *log,
                             lab_spawn_self_options *options) {
  pid_t pid;
  int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    luaL_fileresult(L, 0, log);
    lua_pop(L, 1); /* the number */
    return NULL;
  }
  started *s = push_started(L);
  options->out = fd;
  int rc = lab_spawn_self(&pid, options);
  close(fd);
  if (rc == 0) {
    note_started(s, pid);
    return s;
  }
  luaL_pushfail(L);
  lua_pushfstring(L, "it didn't start: %s", strerror(-rc));
  return NULL;
}

static int start_kit_lab(lua_State *L) {
  const char *log = luaL_checkstring(L, 1);
  static char program[] = "diaglab", listen[] = "--listen",
              address[] = "127.0.0.1:0", state[] = "--state", none[] = "none";
  char *argv[ARGUMENTS_MAX + 6] = {program, listen, address, state, none};
  static char primitive[] = "--primitive";
  const lab_plugin *plugins;
  size_t nplugins = lab_plugin_list(&plugins), n = 5;
  for (size_t i = 0; i < nplugins; i++) {
    argv[n++] = primitive;
    argv[n++] = plugins[i].file;
  }
  take_arguments(L, argv + n, ARGUMENTS_MAX + 5 - n);
  lab_spawn_self_options options = {.argv = argv,
                                    .temp = luaL_optstring(L, 3, NULL),
                                    .port = lua_pushfstring(L, "%s.port", log)};
  unlink(options.port);
  started *s = start_logged(L, log, &options);
  return s ? wait_for_port(L, s, log, options.port) : 2;
}

static int start_kit_verb(lua_State *L) {
  const char *log = luaL_checkstring(L, 1);
  static char program[] = "diaglab";
  char *argv[ARGUMENTS_MAX + 2] = {program};
  take_arguments(L, argv + 1, ARGUMENTS_MAX);
  lab_spawn_self_options options = {.argv = argv};
  return start_logged(L, log, &options) ? 1 : 2;
}

/* ---- a process that computes --------------------------------------------- */

/* What a busy machine is like: it has one thread, so it may be forked. */
static int start_busy(lua_State *L) {
  started *s = push_started(L);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0)
    return luaL_error(L, "no busy process: %s", strerror(errno));
  if (pid > 0) {
    note_started(s, pid);
    return 1;
  }
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (volatile unsigned turns = 0; getppid() == parent;)
    for (unsigned i = 0; i < 1000000; i++)
      turns++;
  _exit(0);
}

static int load_kit_primitive(lua_State *L) {
  lab_err err;
  if (lab_plugin_load(luaL_checkstring(L, 1), &err) == 0) {
    lua_pushboolean(L, true);
    return 1;
  }
  luaL_pushfail(L);
  lua_pushstring(L, err.text);
  return 2;
}

const luaL_Reg lab_kit_labs[] = {
    {"load_primitive", load_kit_primitive},
    {"start_lab", start_kit_lab},
    {"start_verb", start_kit_verb},
    {"start_busy", start_busy},
    {NULL, NULL},
};
