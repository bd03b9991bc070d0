/* SPDX-License-Identifier: MIT
 * How long a server takes from its start to its first answer:
 *
 *   start_time PORT PROGRAM [ARGUMENT...]
 *
 * Starts the program, connects to 127.0.0.1:PORT as soon as that is possible,
 * asks for /, and prints the milliseconds until the answer was there, and the
 * CPU milliseconds of the program until then. Then it kills the program. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static pid_t start_program(char **argv) {
  posix_spawn_file_actions_t files;
  pid_t pid;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  if (posix_spawnp(&pid, argv[0], &files, NULL, argv, environ)) {
    fprintf(stderr, "can't start %s\n", argv[0]);
    exit(1);
  }
  return pid;
}

/* True: the answer is there, and is a good one. */
static int ask_once(int port) {
  static const char question[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)port),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  char answer[4096];
  ssize_t n = 0;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
      write(fd, question, sizeof question - 1) > 0)
    n = read(fd, answer, sizeof answer);
  close(fd);
  return n > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
}

/* Of all its threads. */
static double read_cpu_ms(pid_t pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *tasks = opendir(path);
  double sum = 0;
  for (struct dirent *e; tasks && (e = readdir(tasks));) {
    double ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid,
             e->d_name);
    FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
    if (f && fscanf(f, "%lf", &ns) == 1)
      sum += ns / 1e6;
    if (f)
      fclose(f);
  }
  if (tasks)
    closedir(tasks);
  return sum;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: start_time PORT PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  const struct timespec pause = {0, 100000};
  char *end;
  int port = (int)strtol(argv[1], &end, 10), answered = 0;
  if (port <= 0 || *end) {
    fprintf(stderr, "\"%s\" is no port\n", argv[1]);
    return 2;
  }
  double began = now_ms();
  pid_t pid = start_program(argv + 2);
  while (!(answered = ask_once(port)) && now_ms() - began < PATIENCE_MS)
    nanosleep(&pause, NULL);
  double took = now_ms() - began, cpu = read_cpu_ms(pid);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  if (!answered) {
    fprintf(stderr, "%s doesn't answer\n", argv[2]);
    return 1;
  }
  printf("%.3f %.3f\n", took, cpu);
  return 0;
}
