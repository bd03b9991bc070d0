/* SPDX-License-Identifier: MIT
 * For LD_PRELOAD: calls that don't return while the file is there whose name is
 * $SILENT and the call's: getaddrinfo, of hosts with "silent" in their names;
 * opendir, of folders with that in their paths; fdatasync. Each call that waits
 * for that writes its name into the file $SILENTlog. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note_call(const char *prefix, const char *name) {
  char path[4096], line[64];
  snprintf(path, sizeof path, "%slog", prefix);
  int len = snprintf(line, sizeof line, "%s\n", name);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0)
    return;
  if (write(fd, line, (size_t)len) < 0)
    perror(path);
  close(fd);
}

static void wait_while_silent(const char *name) {
  const struct timespec pause = {0, 10000000};
  const char *prefix = getenv("SILENT");
  char path[4096];
  snprintf(path, sizeof path, "%s%s", prefix ? prefix : "", name);
  if (!prefix || access(path, F_OK) != 0)
    return;
  note_call(prefix, name);
  while (access(path, F_OK) == 0)
    nanosleep(&pause, NULL);
}

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **out) {
  int (*next)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **);
  *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
  if (node && strstr(node, "silent") &&
      !(hints && hints->ai_flags & AI_NUMERICHOST)) {
    wait_while_silent("getaddrinfo");
    return EAI_NONAME;
  }
  return next(node, service, hints, out);
}

DIR *opendir(const char *path) {
  DIR *(*next)(const char *);
  *(void **)&next = dlsym(RTLD_NEXT, "opendir");
  if (strstr(path, "silent"))
    wait_while_silent("opendir");
  return next(path);
}

int fdatasync(int fd) {
  int (*next)(int);
  *(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
  wait_while_silent("fdatasync");
  return next(fd);
}
