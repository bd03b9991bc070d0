/* SPDX-License-Identifier: MIT
 * See reader.h. There is no VM here: a plain Lua state, and a `lab` that does
 * nothing. Nobody closes the state, because finalizers might hang: _exit. */
#include "scenario/reader.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/write_all.h"
#include "scenario/host_files.h"
#include "scenario/parts.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 10, IS_SANITIZED = 1 };
#else
enum { SLOWER = 1, IS_SANITIZED = 0 };
#endif

/* CPU time. After the first, Lua code gets an error, which says where it was;
 * after the second the process is killed, whatever it does. */
static const uint64_t LUA_NS = 250 * SLOWER * LAB_MILLISECOND;
enum { ALL_MS = 500 * SLOWER, ALL_S = 1 + ALL_MS / 1000, WALL_S = 20 };
enum {
  MEMORY_MAX = 32 << 20,
  ADDRESS_SPACE_MAX = 1 << 30,
  FDS_MAX = 16,
  COUNT = 10000, /* instructions between two looks at the clock */
};

static size_t bytes_in_use;
static uint64_t run_began; /* CPU time */

/* ---- limits -------------------------------------------------------------- */

static void set_limit(int resource, rlim_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0)
    return;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value)
    value = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = value;
  setrlimit(resource, &limit);
}

/* SIGPROF and SIGALRM have their default action: they kill. */
static void limit_process(void) {
  prctl(PR_SET_NAME, "diaglab-reader");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, 0);
  set_limit(RLIMIT_NOFILE, FDS_MAX);
  set_limit(RLIMIT_CPU, ALL_S);
  if (!IS_SANITIZED)
    set_limit(RLIMIT_AS, ADDRESS_SPACE_MAX);
  const struct itimerval timer = {
      .it_value = {ALL_MS / 1000, ALL_MS % 1000 * 1000}};
  setitimer(ITIMER_PROF, &timer, NULL);
  alarm(WALL_S);
}

/* New blocks are zeroed, so lab_vm_of is NULL from the beginning: the wrapped
 * collector (vm/gc.c) looks at it. */
static void *allocate_bounded(void *ud, void *p, size_t old, size_t size) {
  (void)ud;
  size_t before = p ? old : 0;
  if (size == 0) {
    lab_xfree(p);
    bytes_in_use -= before;
    return NULL;
  }
  if (bytes_in_use - before + size > MEMORY_MAX)
    return NULL;
  bytes_in_use += size - before;
  return p ? lab_xrealloc(p, size) : lab_xcalloc(1, size);
}

/* Pushes "file:line: " of the innermost function of the scenario's, or "". The
 * lab's own chunks have names without a slash. */
static void push_scenario_place(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0 && strchr(ar.source, '/')) {
      luaL_where(L, level);
      return;
    }
  }
  lua_pushliteral(L, "");
}

/* When the time is over, every further instruction fails, so a pcall in the
 * scenario doesn't help. */
static void look_at_clock(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (lab_clock_process_cpu() - run_began < LUA_NS)
    return;
  lua_sethook(L, look_at_clock, LUA_MASKCOUNT, 1);
  push_scenario_place(L);
  lua_pushliteral(L, "it doesn't come to an end");
  lua_concat(L, 2);
  lua_error(L);
}

/* ---- what it says -------------------------------------------------------- */

/* If the lab is gone, SIGPIPE ends this process. */
static void send_bytes(const void *bytes, size_t n) {
  if (lab_write_all(STDOUT_FILENO, bytes, n))
    _exit(1);
}

static void write_frame(lab_reader_frame_kind kind, const char *bytes,
                        size_t size, const lab_file_mark *mark) {
  lab_reader_frame frame = {.kind = kind, .size = (uint32_t)size};
  if (mark)
    frame.mark = *mark;
  send_bytes(&frame, sizeof frame);
  send_bytes(bytes, size);
}

/* ---- its host ------------------------------------------------------------ */

/* host.run(chunk) -> true, two results | false, message */
static int run_bounded(lua_State *L) {
  lua_settop(L, 1);
  run_began = lab_clock_process_cpu();
  lua_sethook(L, look_at_clock, LUA_MASKCOUNT, COUNT);
  bool ok = lua_pcall(L, 0, 2, 0) == LUA_OK;
  lua_sethook(L, NULL, 0, 0);
  if (!ok && !lua_isstring(L, -1)) {
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, -1));
    lua_replace(L, 1);
  }
  lua_pushboolean(L, ok);
  lua_insert(L, 1);
  return lua_gettop(L);
}

/* host.read(path): as host_files.h's, but tells the lab of the file before. */
static int read_told(lua_State *L) {
  size_t len;
  const char *path = luaL_checklstring(L, 1, &len);
  lab_file_mark mark = lab_file_mark_of(path);
  write_frame(LAB_READER_FILE, path, len, &mark);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* host.compile(text, path, prefix, env): as the VM's, but it registers no names
 * for profiles. */
static int compile_unnamed(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_settop(L, 4);
  const char *name = lua_pushfstring(L, "@%s", luaL_checkstring(L, 2));
  if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushvalue(L, 4);
  lua_setupvalue(L, -2, 1);
  return 1;
}

static int explain_nothing(lua_State *L) {
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg host[] = {
    {"run", run_bounded},
    {"compile", compile_unnamed},
    {"explain", explain_nothing},
    {NULL, NULL},
};

/* The names as keys. */
static void push_primitives(lua_State *L) {
  const char *at = getenv(LAB_READER_PRIMITIVES_VARIABLE);
  lua_newtable(L);
  for (size_t n; at && *at; at += n + (at[n] == ',')) {
    n = strcspn(at, ",");
    lua_pushlstring(L, at, n);
    lua_pushboolean(L, true);
    lua_rawset(L, -3);
  }
}

static void push_reader_host(lua_State *L) {
  luaL_newlib(L, host);
  luaL_setfuncs(L, lab_host_files, 0);
  lua_getfield(L, -1, "read");
  lua_pushcclosure(L, read_told, 1);
  lua_setfield(L, -2, "read");
  lua_newtable(L);
  lua_setfield(L, -2, "dirs");
  lua_newtable(L);
  lua_setfield(L, -2, "params");
  push_primitives(L);
  lua_setfield(L, -2, "primitives");
}

/* ---- the whole ----------------------------------------------------------- */

/* Protected. Its argument is the path, as a light userdata. */
static int read_scenario(lua_State *L) {
  const char *path = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lab_part_push(L, "reader");
  push_reader_host(L);
  lab_part_push(L, "steps");
  lua_call(L, 2, 1);
  lua_pushstring(L, path);
  lua_pushboolean(L, getenv(LAB_READER_WHOLE_VARIABLE) != NULL);
  lua_call(L, 2, 1);
  size_t len;
  const char *record = luaL_checklstring(L, -1, &len);
  write_frame(LAB_READER_RECORD, record, len, NULL);
  return 0;
}

static const char *get_message(lua_State *L) {
  return lua_isstring(L, -1) ? lua_tostring(L, -1) : "an unknown error";
}

void lab_reader_run(void) {
  char *path = getenv(LAB_READER_VARIABLE);
  if (!path)
    return;
  limit_process();
  lua_State *L = lua_newstate(allocate_bounded, NULL);
  if (!L)
    _exit(1);
  lua_pushcfunction(L, read_scenario);
  lua_pushlightuserdata(L, path);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    write_frame(LAB_READER_FAILED, get_message(L), strlen(get_message(L)),
                NULL);
  _exit(0);
}
