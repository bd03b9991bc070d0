/* SPDX-License-Identifier: MIT
 * Clients that behave badly, thousands at a time, for test_attack.
 *
 *   attack_clients port=6060 clients=1000 first=FILE [then=FILE] [every=MS]
 *                  [read=all|none|slow] [end=keep|reset|half] [again=1]
 *                  [pace=N]
 *
 * Each client connects, sends FIRST, and then THEN again and again: as fast as
 * the server takes it, or one byte every EVERY milliseconds. It reads
 * everything, nothing, or a few bytes every EVERY milliseconds. After FIRST it
 * stays, resets the connection, or says that it will send no more. AGAIN: a
 * connection that ended is opened anew. PACE: how many are opened per
 * millisecond at most.
 *
 * Prints "ready" when each has been opened once, and at SIGTERM what became of
 * them: opened=, held=, closed=, failed=, 200=, 408= and so on. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, PER_SOURCE = 2000, STATUSES = 600, SLOW_BYTES = 64 };

typedef enum client_reading { READ_ALL, READ_NONE, READ_SLOW } client_reading;
typedef enum client_end { END_KEEP, END_RESET, END_HALF } client_end;

typedef struct payload {
  char *data;
  size_t len;
} payload;

typedef struct client {
  int fd; /* -1: none */
  bool told, heard, waiting;
  size_t sent;
} client;

static struct {
  int port, clients, every, again, pace;
  client_reading reading;
  client_end end;
  payload first, then;
} plan = {.clients = 1, .pace = 50};

static struct { unsigned long opened, closed, failed, status[STATUSES]; } seen;

static client *all;
static int poller, fresh; /* how many have been opened once */
static volatile sig_atomic_t over;

static void note_end(int signo) {
  (void)signo;
  over = 1;
}

static long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void watch_client(client *c, int how) {
  struct epoll_event e = {.data.ptr = c};
  e.events = (plan.reading == READ_ALL ? EPOLLIN | EPOLLRDHUP : 0u) |
             (c->waiting ? EPOLLOUT : 0u);
  epoll_ctl(poller, how, c->fd, &e);
}

static void drop_client(client *c) {
  if (c->fd >= 0)
    close(c->fd);
  c->fd = -1;
}

/* The kernel finds a port quickly while few are taken, so there are many
 * addresses of this machine, also for the next program. Closed sockets are
 * reset, and keep no port. */
static struct sockaddr_in choose_source(const client *c) {
  struct sockaddr_in from = {.sin_family = AF_INET};
  uint32_t block = (uint32_t)getpid() & 0xffff;
  uint32_t host = 2 + (uint32_t)((c - all) / PER_SOURCE);
  from.sin_addr.s_addr = htonl((127u << 24) + (block << 8) + host);
  return from;
}

static int connect_client(client *c) {
  struct sockaddr_in from = choose_source(c), to = from;
  struct linger at_once = {.l_onoff = 1};
  int small = 2048, on = 1;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons((uint16_t)plan.port);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0)
    return -1;
  setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on,
             sizeof on);
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (plan.reading != READ_ALL)
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0)
    return -1;
  int rc = connect(c->fd, (struct sockaddr *)&to, sizeof to);
  return rc < 0 && errno != EINPROGRESS ? -1 : 0;
}

static void open_client(client *c) {
  *c = (client){.waiting = true};
  if (connect_client(c) < 0) {
    seen.failed++;
    drop_client(c);
    return;
  }
  seen.opened++;
  watch_client(c, EPOLL_CTL_ADD);
}

static void lose_client(client *c) {
  seen.closed++;
  drop_client(c);
}

/* Sends the rest of P. True when all of it is sent. */
static bool send_payload(client *c, payload p) {
  while (c->fd >= 0 && c->sent < p.len) {
    ssize_t n = send(c->fd, p.data + c->sent, p.len - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
      lose_client(c);
    if (n < 0)
      return false;
    c->sent += (size_t)n;
  }
  return c->fd >= 0;
}

static void finish_first(client *c) {
  c->told = true;
  c->sent = 0;
  if (plan.end == END_RESET)
    lose_client(c);
  else if (plan.end == END_HALF)
    shutdown(c->fd, SHUT_WR);
}

static bool is_sending(void) {
  return plan.then.len > 0 && plan.every == 0;
}

static void write_client(client *c) {
  if (!c->told && send_payload(c, plan.first))
    finish_first(c);
  if (c->fd >= 0 && c->told && is_sending() && send_payload(c, plan.then))
    c->sent = 0; /* again when the next event comes */
  bool wants = c->fd >= 0 && (!c->told || is_sending());
  if (c->fd >= 0 && c->waiting != wants) {
    c->waiting = wants;
    watch_client(c, EPOLL_CTL_MOD);
  }
}

static void read_client(client *c, size_t most) {
  char buffer[65536];
  if (c->fd < 0)
    return;
  ssize_t n = recv(c->fd, buffer, most, MSG_DONTWAIT);
  if (n > 12 && !c->heard && memcmp(buffer, "HTTP/1.", 7) == 0) {
    int status = (int)strtol(buffer + 9, NULL, 10);
    c->heard = true;
    if (status > 0 && status < STATUSES)
      seen.status[status]++;
  }
  if (n == 0 || (n < 0 && errno != EAGAIN))
    lose_client(c);
}

static void handle_event(struct epoll_event e) {
  client *c = e.data.ptr;
  if (c->fd >= 0 && e.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    read_client(c, 65536);
  if (c->fd >= 0 && e.events & (EPOLLHUP | EPOLLERR))
    lose_client(c);
  if (c->fd >= 0 && e.events & EPOLLOUT)
    write_client(c);
}

/* Bytes in and out of slow clients. */
static void do_slow_things(void) {
  for (int i = 0; i < fresh && (plan.reading == READ_SLOW || plan.then.len > 0);
       i++) {
    client *c = &all[i];
    payload byte = {plan.then.data, c->sent + 1};
    if (c->fd < 0 || !c->told)
      continue;
    if (plan.reading == READ_SLOW)
      read_client(c, SLOW_BYTES);
    if (c->fd >= 0 && plan.then.len > 0 && send_payload(c, byte))
      c->sent %= plan.then.len;
  }
}

/* Opens clients that are missing, as many as PACE allows in MS milliseconds; no
 * more than there may be events. */
static void open_missing(long ms) {
  static int turn;
  long left = plan.pace * ms < EVENTS ? plan.pace * ms : EVENTS;
  for (; left > 0 && fresh < plan.clients; left--) {
    open_client(&all[fresh++]);
    if (fresh == plan.clients) {
      puts("ready");
      fflush(stdout);
    }
  }
  for (int i = 0; plan.again && left > 0 && i < fresh; i++) {
    turn = (turn + 1) % fresh;
    if (all[turn].fd < 0) {
      open_client(&all[turn]);
      left--;
    }
  }
}

static void attack(void) {
  struct epoll_event events[EVENTS];
  long opened = now_ms(), slow = opened;
  while (!over) {
    int n = epoll_wait(poller, events, EVENTS, 1);
    for (int i = 0; i < n; i++)
      handle_event(events[i]);
    long now = now_ms();
    if (now > opened)
      open_missing(now - opened);
    opened = now;
    if (plan.every > 0 && now - slow >= plan.every) {
      do_slow_things();
      slow = now;
    }
  }
}

static void print_outcome(void) {
  unsigned long held = 0;
  for (int i = 0; i < fresh; i++)
    held += all[i].fd >= 0;
  printf("opened=%lu held=%lu closed=%lu failed=%lu", seen.opened, held,
         seen.closed, seen.failed);
  for (int i = 0; i < STATUSES; i++)
    if (seen.status[i] > 0)
      printf(" %d=%lu", i, seen.status[i]);
  puts("");
}

static payload read_payload(const char *path) {
  FILE *f = fopen(path, "rb");
  payload p = {malloc(1 << 22), 0};
  if (f && p.data)
    p.len = fread(p.data, 1, 1 << 22, f);
  if (f)
    fclose(f);
  return p;
}

static void read_option(const char *name, const char *value) {
  int number = (int)strtol(value, NULL, 10);
  if (strcmp(name, "port") == 0)
    plan.port = number;
  else if (strcmp(name, "clients") == 0)
    plan.clients = number;
  else if (strcmp(name, "every") == 0)
    plan.every = number;
  else if (strcmp(name, "again") == 0)
    plan.again = number;
  else if (strcmp(name, "pace") == 0)
    plan.pace = number;
  else if (strcmp(name, "first") == 0)
    plan.first = read_payload(value);
  else if (strcmp(name, "then") == 0)
    plan.then = read_payload(value);
  else if (strcmp(name, "read") == 0)
    plan.reading = value[0] == 'a'   ? READ_ALL
                   : value[0] == 'n' ? READ_NONE
                                     : READ_SLOW;
  else if (strcmp(name, "end") == 0)
    plan.end = value[0] == 'k'   ? END_KEEP
               : value[0] == 'r' ? END_RESET
                                 : END_HALF;
  else
    exit(2);
}

static void raise_fd_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value)
      return 2;
    *value = '\0';
    read_option(argv[i], value + 1);
  }
  raise_fd_limit();
  signal(SIGTERM, note_end);
  poller = epoll_create1(EPOLL_CLOEXEC);
  all = calloc((size_t)plan.clients, sizeof *all);
  if (!all || poller < 0)
    return 1;
  attack();
  print_outcome();
  return 0;
}
