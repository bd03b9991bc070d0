/* SPDX-License-Identifier: MIT
 * A server with a VM behind it, in one process: the bound on requests under
 * way, and an end while some of them are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "stack/unwind.h"
#include "web/web.h"
#include "temp_name.h"

enum { QUEUE = 2 };

static const char scenario[] =
    "return { request = function() lab.sleep(600) end }";

typedef struct fixture {
  char dir[TEMP_NAME];
  uv_loop_t loop;
  uv_async_t answers;
  uv_check_t round;
  lab_vm *vm;
  lab_web *web;
  int port;
} fixture;

/* ---- the server ---------------------------------------------------------- */

static void wake(void *arg) {
  uv_async_send(arg);
}

static void on_answers(uv_async_t *async) {
  lab_vm_collect(((fixture *)async->data)->vm);
}

static void on_round(uv_check_t *check) {
  lab_vm_kick(((fixture *)check->data)->vm);
}

static void on_switched(lab_call *call) {
  lab_switch *x = LAB_CONTAINER(call, lab_switch, call);
  *(int *)call->user = x->status;
  lab_buf_free(&x->reply);
}

static void write_scenario(fixture *f) {
  char path[128];
  assert_non_null(mkdtemp(write_temp_name(f->dir, "web-queue")));
  snprintf(path, sizeof path, "%s/50-sleep", f->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  strcat(path, "/scenario.lua");
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(scenario, file);
  fclose(file);
}

static void remove_scenario(fixture *f) {
  char path[128];
  snprintf(path, sizeof path, "%s/50-sleep/scenario.lua", f->dir);
  unlink(path);
  *strrchr(path, '/') = '\0';
  rmdir(path);
  rmdir(f->dir);
}

static void enter_step(fixture *f) {
  int status = 0;
  lab_switch x = {.call = {.answered = on_switched, .user = &status},
                  .step = 50,
                  .query = ""};
  lab_switch_send(f->vm, &x);
  while (status == 0)
    uv_run(&f->loop, UV_RUN_ONCE);
  assert_int_equal(status, 200);
}

static void start(fixture *f) {
  lab_err err = {""};
  const char *dir = f->dir;
  lab_vm_config vm = {.scenario = {.dirs = &dir, .ndirs = 1},
                      .workers = 1,
                      .wake = wake,
                      .arg = &f->answers};
  write_scenario(f);
  uv_loop_init(&f->loop);
  uv_async_init(&f->loop, &f->answers, on_answers);
  uv_check_init(&f->loop, &f->round);
  f->answers.data = f->round.data = f;
  if (lab_vm_new(&f->vm, &vm, &err))
    fail_msg("%s", err.text);
  uv_check_start(&f->round, on_round);
  enter_step(f);

  lab_web_config web = {.loop = &f->loop, .vm = f->vm, .queue_max = QUEUE};
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  assert_int_equal(lab_web_new(&f->web, &web, &err), 0);
  if (lab_web_listen(f->web, (struct sockaddr *)&address, &f->port, &err))
    fail_msg("%s", err.text);
}

/* ---- its clients --------------------------------------------------------- */

static int ask(fixture *f, const char *path) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)f->port),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  char text[256];
  int len = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  assert_int_equal(send(fd, text, (size_t)len, 0), len);
  return fd;
}

/* Turns the loop until there is an answer, which comes in one piece; closes FD.
 */
static const char *answer(fixture *f, int fd) {
  static char text[4096];
  uint64_t deadline = lab_clock_mono() + 30 * LAB_SECOND;
  ssize_t n = -1;
  while (n < 0 && lab_clock_mono() < deadline) {
    uv_run(&f->loop, UV_RUN_NOWAIT);
    n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n < 0)
      usleep(1000);
  }
  assert_true(n > 0);
  text[n] = '\0';
  close(fd);
  return text;
}

static void assert_answer(fixture *f, int fd, const char *status,
                          const char *body) {
  const char *text = answer(f, fd);
  if (!strstr(text, status) || !strstr(text, body))
    fail_msg("wanted %s and %s in: %s", status, body, text);
}

/* ---- tests --------------------------------------------------------------- */

static void one_too_many_then_the_end(void **state) {
  fixture f = {0};
  int waiting[QUEUE];
  (void)state;
  start(&f);
  for (int i = 0; i < QUEUE; i++)
    waiting[i] = ask(&f, "/");
  /* The loop takes connections in the order in which they came. */
  assert_answer(&f, ask(&f, "/"), " 503 ", "the queue is full\n");
  assert_answer(&f, ask(&f, "/debug/pprof/"), " 200 ", "Types of profiles");
  int profile = ask(&f, "/debug/pprof/profile?seconds=600");
  assert_answer(&f, ask(&f, "/debug/vars"), " 200 ", "\"memstats\": {");

  lab_web_stop(f.web);
  uv_close((uv_handle_t *)&f.round, NULL);
  while (!lab_vm_free(f.vm, 100))
    uv_run(&f.loop, UV_RUN_NOWAIT);
  uv_close((uv_handle_t *)&f.answers, NULL);
  for (int i = 0; i < QUEUE; i++)
    assert_answer(&f, waiting[i], " 503 ", "\r\n\r\n");
  assert_answer(&f, profile, " 200 ", "filename=\"profile\"");

  uv_run(&f.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f.loop), 0);
  lab_web_free(f.web);
  remove_scenario(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_too_many_then_the_end),
  };
  if (lab_mem_init() || lab_cpu_init() || lab_unwind_init())
    return 1;
  lab_vm_init_profiles();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
