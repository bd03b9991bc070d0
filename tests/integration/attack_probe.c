/* SPDX-License-Identifier: MIT
 * What an honest client sees meanwhile, for test_attack. Each request has a
 * connection of its own.
 *
 *   attack_probe PORT NAME PATH[@MS]... [-- NAME PATH[@MS]...]...
 *
 * For each NAME a thread asks for its PATHs in turn, and waits MS milliseconds
 * (10) after each answer. Two more measure the machine, to compare with: "peer"
 * asks a server that does nothing but answer, in a process of its own; "sleep"
 * sleeps for a millisecond, and counts how much longer that took.
 *
 * At SIGTERM prints a line for each: its name, then n=, p50=, p99=, p100= (in
 * milliseconds), lost= (no answer), late= (no answer, but the machine had kept
 * this client from sending its request at once), and how often each status
 * came, 200= and so on; at the end why the last one was lost. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 1 << 20, PROBES = 8, PATHS = 64, STATUSES = 600 };
enum { PAUSE_MS = 10, TIMEOUT_S = 20 };
enum { LATE_MS = 40 }; /* the lab gives a new client 50 to say something */

typedef struct probe {
  const char *name, *paths[PATHS];
  int port, pauses[PATHS], count;
  pthread_t thread;
  float *ms;    /* of each answer */
  double asked; /* when; 0: it doesn't wait for an answer */
  unsigned long n, lost, late, status[STATUSES];
  char reason[80];
} probe;

static probe probes[PROBES];
static int probe_count;
static volatile sig_atomic_t over;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void sleep_ms(int ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&t, NULL);
}

static void count_sample(probe *p, double ms) {
  if (!over && p->n < SAMPLES)
    p->ms[p->n++] = (float)ms;
}

static struct sockaddr_in make_address(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons((uint16_t)port);
  return a;
}

static int open_probe(int port) {
  struct sockaddr_in to = make_address(port);
  struct timeval limit = {.tv_sec = TIMEOUT_S};
  struct linger at_once = {.l_onoff = 1}; /* leaves no port in TIME_WAIT */
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
    return fd;
  close(fd);
  return -1;
}

/* The whole answer of a server that closes after it: its status, or 0 with
 * errno. The end of the headers must be there. */
static int read_probe_answer(int fd) {
  static _Thread_local char buffer[1 << 16];
  size_t have = 0;
  ssize_t n;
  while ((n = recv(fd, buffer + have, sizeof buffer - 1 - have, 0)) > 0)
    if ((have += (size_t)n) > sizeof buffer / 2)
      have = sizeof buffer / 2; /* only its beginning counts */
  if (n < 0)
    return 0;
  buffer[have] = '\0';
  errno = have == 0 ? ENODATA : EPROTO;
  bool whole = strncmp(buffer, "HTTP/1.", 7) == 0 && strstr(buffer, "\r\n\r\n");
  return whole ? (int)strtol(buffer + 9, NULL, 10) : 0;
}

/* Sends what is asked for, and sets `*late` if this client was kept from it for
 * so long, by the machine, that it looks like one that says nothing. */
static bool send_request(int fd, const char *request, int len, double begun,
                         bool *late) {
  bool sent = send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
  *late = now_ms() - begun > LATE_MS;
  return sent;
}

static int ask(int port, const char *path, bool *late) {
  char request[512];
  double begun = now_ms();
  int fd = open_probe(port);
  if (fd < 0)
    return 0;
  int len = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                     "Connection: close\r\n\r\n",
                     path);
  int status =
      send_request(fd, request, len, begun, late) ? read_probe_answer(fd) : 0;
  int error = errno;
  close(fd);
  errno = error;
  return status;
}

static void probe_once(probe *p, const char *path) {
  p->asked = now_ms();
  bool late = false;
  int status = ask(p->port, path, &late);
  if (over)
    return;
  count_sample(p, now_ms() - p->asked);
  p->asked = 0;
  if (status == 0 && late) {
    p->late++;
    return;
  }
  if (status > 0 && status < STATUSES) {
    p->status[status]++;
    return;
  }
  p->lost++;
  snprintf(p->reason, sizeof p->reason, "%s: %s", path, strerror(errno));
}

static void *run_probe(void *arg) {
  probe *p = arg;
  for (int i = 0; !over; i = (i + 1) % p->count) {
    probe_once(p, p->paths[i]);
    sleep_ms(p->pauses[i]);
  }
  return NULL;
}

static void *run_sleeper(void *arg) {
  probe *p = arg;
  while (!over) {
    double began = now_ms();
    sleep_ms(1);
    count_sample(p, now_ms() - began - 1);
  }
  return NULL;
}

/* ---- the peer ------------------------------------------------------------ */

static void serve_peer(int listener) {
  static const char answer[] =
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  char buffer[4096];
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0 && recv(fd, buffer, sizeof buffer, 0) > 0)
      send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    if (fd >= 0)
      close(fd);
  }
}

/* Its port. It ends with this process. */
static int start_peer(void) {
  struct sockaddr_in at = make_address(0);
  socklen_t len = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 ||
      listen(listener, 128) < 0 ||
      getsockname(listener, (struct sockaddr *)&at, &len) < 0)
    exit(1);
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve_peer(listener);
  }
  close(listener);
  return ntohs(at.sin_port);
}

/* ---- the whole ----------------------------------------------------------- */

static probe *add_probe(const char *name, int port) {
  probe *p = &probes[probe_count++];
  p->name = name;
  p->port = port;
  p->ms = calloc(SAMPLES, sizeof *p->ms);
  if (!p->ms || probe_count == PROBES)
    exit(1);
  return p;
}

static void add_path(probe *p, char *text) {
  char *pause = strchr(text, '@');
  if (pause)
    *pause++ = '\0';
  p->pauses[p->count] = pause ? (int)strtol(pause, NULL, 10) : PAUSE_MS;
  p->paths[p->count++] = text;
}

static int compare_samples(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static float get_rank(const probe *p, double share) {
  unsigned long i = (unsigned long)((double)p->n * share);
  return p->n == 0 ? 0 : p->ms[i < p->n ? i : p->n - 1];
}

/* A request that is still waiting counts with what it has waited. */
static void print_probe(probe *p) {
  if (p->asked > 0 && p->n < SAMPLES)
    p->ms[p->n++] = (float)(now_ms() - p->asked);
  qsort(p->ms, p->n, sizeof *p->ms, compare_samples);
  printf("%s n=%lu p50=%.2f p99=%.2f p100=%.2f lost=%lu late=%lu", p->name,
         p->n, (double)get_rank(p, 0.5), (double)get_rank(p, 0.99),
         (double)get_rank(p, 1), p->lost, p->late);
  for (int i = 0; i < STATUSES; i++)
    if (p->status[i] > 0)
      printf(" %d=%lu", i, p->status[i]);
  printf("%s%s\n", p->reason[0] ? " " : "", p->reason);
}

static void read_arguments(int argc, char **argv) {
  probe *p = NULL;
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0)
      p = NULL;
    else if (!p)
      p = add_probe(argv[i], (int)strtol(argv[1], NULL, 10));
    else
      add_path(p, argv[i]);
  }
}

int main(int argc, char **argv) {
  sigset_t stop;
  int got;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  int peer_port = start_peer();
  sigprocmask(SIG_BLOCK, &stop, NULL);
  read_arguments(argc, argv);
  probe *peer = add_probe("peer", peer_port), *sleeper = add_probe("sleep", 0);
  add_path(peer, (char[]){"/"});
  for (int i = 0; i < probe_count; i++)
    pthread_create(&probes[i].thread, NULL,
                   &probes[i] == sleeper ? run_sleeper : run_probe, &probes[i]);
  sigwait(&stop, &got);
  over = 1;
  for (int i = 0; i < probe_count; i++)
    if (probes[i].count == 0 || probes[i].n > 0)
      print_probe(&probes[i]);
  fflush(stdout);
  _exit(0);
}
