/* SPDX-License-Identifier: MIT
 * The least that any sampler costs: the same work with and without a CPU-time
 * timer whose signal handler does nothing. Printed is the ratio of the CPU
 * times taken (1.002 = 0.2 % slower), the median of ROUNDS pairs.
 *
 *   empty_handler HZ [ROUNDS]
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nothing(int sig) {
  (void)sig;
}

/* About half a second of arithmetic that the compiler can't shorten. */
static double work(void) {
  double start = cpu_now();
  uint64_t x = 88172645463325252u;
  for (int i = 0; i < 300000000; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  __asm__ volatile("" : : "r"(x));
  return cpu_now() - start;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  long hz = argc > 1 ? atol(argv[1]) : 0;
  int rounds = argc > 2 ? atoi(argv[2]) : 5;
  double ratio[101];
  if (hz < 2 || rounds < 1 || rounds > 101) {
    fprintf(stderr, "usage: empty_handler HZ [ROUNDS]\n");
    return 2;
  }
  struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGPROF};
  struct itimerspec on = {{0, 1000000000 / hz}, {0, 1000000000 / hz}},
                    off = {0};
  timer_t timer;
  sigaction(SIGPROF, &action, NULL);
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer)) {
    perror("timer_create");
    return 1;
  }
  for (int i = 0; i < rounds; i++) {
    double plain = work();
    timer_settime(timer, 0, &on, NULL);
    ratio[i] = work() / plain;
    timer_settime(timer, 0, &off, NULL);
  }
  qsort(ratio, (size_t)rounds, sizeof ratio[0], by_value);
  printf("%.5f\n", ratio[rounds / 2]);
  return 0;
}
