/* SPDX-License-Identifier: MIT
 * See strays.h. */
#include "kit/strays.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/labs.h"

enum {
  NAME_MAX_BYTES = 32,
  GENERATIONS = 100 /* the children of one that is killed come next */
};

typedef struct stray {
  pid_t pid;
  char name[NAME_MAX_BYTES];
} stray;

void lab_kit_adopt_strays(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Reads "PID (NAME) STATE PARENT ..." of process PID; true if it is a stray. */
static bool read_stray(const char *pid, stray *out) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false; /* it has ended */
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n < 0 ? 0 : n] = '\0';
  const char *name = strchr(text, '('), *end = strrchr(text, ')');
  int parent;
  char state;
  if (!name || !end || sscanf(end + 1, " %c %d", &state, &parent) != 2 ||
      parent != getpid())
    return false;
  out->pid = (pid_t)strtol(pid, NULL, 10);
  snprintf(out->name, sizeof out->name, "%.*s", (int)(end - name - 1),
           name + 1);
  if (lab_kit_has_started(out->pid))
    return false;
  return state != 'Z' || waitpid(out->pid, NULL, WNOHANG) == 0;
}

/* Calls EACH for every stray; returns how many there are. */
static size_t visit_strays(void (*each)(void *arg, const stray *s), void *arg) {
  DIR *all = opendir("/proc");
  size_t n = 0;
  for (struct dirent *entry; all && (entry = readdir(all));) {
    stray s;
    if (*entry->d_name < '1' || *entry->d_name > '9' ||
        !read_stray(entry->d_name, &s))
      continue;
    each(arg, &s);
    n++;
  }
  if (all)
    closedir(all);
  return n;
}

static void kill_stray(void *arg, const stray *s) {
  (void)arg;
  kill(s->pid, SIGKILL);
  waitpid(s->pid, NULL, 0);
}

void lab_kit_end_strays(void) {
  for (int i = 0; i < GENERATIONS && visit_strays(kill_stray, NULL) > 0; i++)
    ;
}

/* ---- Lua's side ---------------------------------------------------------- */

static void push_stray(void *arg, const stray *s) {
  lua_State *L = arg;
  lua_pushfstring(L, "%s (%d)", s->name, (int)s->pid);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static int list_strays(lua_State *L) {
  lua_newtable(L);
  visit_strays(push_stray, L);
  return 1;
}

static int end_strays(lua_State *L) {
  (void)L;
  lab_kit_end_strays();
  return 0;
}

const luaL_Reg lab_kit_strays[] = {
    {"strays", list_strays},
    {"end_strays", end_strays},
    {NULL, NULL},
};
