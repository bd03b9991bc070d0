/* SPDX-License-Identifier: MIT
 * The program, from its first line to its last. The order matters: the counted
 * heap before anything allocates, the profiler's observer before there are
 * threads, the step before the first request. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/listen.h"
#include "app/paths.h"
#include "base/err.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/thread.h"
#include "mem/mem.h"
#include "prof/cpu.h"
#include "prof/registry.h"
#include "stack/unwind.h"

/* ---- the VM -------------------------------------------------------------- */

/* Any thread. */
static void wake(void *arg) {
  uv_async_send(arg);
}

static void on_answers(uv_async_t *async) {
  lab_app *app = LAB_CONTAINER(async, lab_app, answers);
  if (app->vm)
    lab_vm_collect(app->vm);
}

static void on_round(uv_check_t *check) {
  lab_app *app = LAB_CONTAINER(check, lab_app, round);
  if (app->vm)
    lab_vm_kick(app->vm);
}

static int check_folder(const char *path, lab_err *err) {
  struct stat st;
  if (stat(path, &st) < 0)
    return lab_err_set(err, -errno, "can't read scenarios in %s: %s", path,
                       strerror(errno));
  if (!S_ISDIR(st.st_mode))
    return lab_err_set(err, -ENOTDIR, "%s is not a folder with scenarios",
                       path);
  return 0;
}

static int start_vm(lab_app *app, lab_err *err) {
  const lab_strings *given = &app->options.scenarios;
  char scenarios[PATH_MAX], lua[PATH_MAX];
  const char *own = scenarios;
  bool found = lab_paths_find("scenarios", scenarios);
  for (size_t i = 0; i < given->n; i++) {
    int rc = check_folder(given->items[i], err);
    if (rc)
      return rc;
  }
  lab_vm_config config = {
      .scenario_dirs = given->n ? given->items : &own,
      .nscenario_dirs = given->n ? given->n : found,
      .params = app->options.params.items,
      .nparams = app->options.params.n,
      .lua_dir = lab_paths_find("lua", lua) ? lua : NULL,
      .workers = app->options.workers,
      .wake = wake,
      .arg = &app->answers,
  };
  return lab_vm_new(&app->vm, &config, err);
}

/* ---- the first step ------------------------------------------------------ */

static void on_switched(lab_exchange *x) {
  *(bool *)x->user = true;
}

/* Turns the loop until the VM is in STEP. A step the user asked for must work;
 * without step 0 the lab can do. */
static int enter_step(lab_app *app, lab_err *err) {
  bool asked = app->options.step >= 0, done = false;
  lab_exchange x = {
      .method = "GET",
      .path = "/goto",
      .query = "",
      .body = "",
      .method_len = 3,
      .path_len = 5,
      .answered = on_switched,
      .user = &done,
  };
  lab_vm_goto(app->vm, &x, asked ? app->options.step : 0);
  while (!done)
    uv_run(&app->loop, UV_RUN_ONCE);
  int rc = x.status == 200 ? 0 : -EINVAL;
  if (rc && !app->stopping) {
    lab_err_set(err, rc, "%.*s", (int)x.reply.len,
                x.reply.data ? x.reply.data : "");
    if (!asked)
      lab_log("step 0: %s", err->text);
  }
  lab_buf_free(&x.headers);
  lab_buf_free(&x.reply);
  return asked ? rc : 0;
}

/* ---- HTTP ---------------------------------------------------------------- */

/* The host of --listen may be named in requests, like those of --host. */
static void add_own_host(lab_options *o, char host[LAB_LISTEN_NAME]) {
  lab_listen_host(o->listen, host);
  if (host[0])
    lab_strings_add(&o->hosts, host);
}

static int start_web(lab_app *app, int argc, char **argv, char *own_host,
                     lab_err *err) {
  char name[LAB_LISTEN_NAME];
  lab_err why;
  add_own_host(&app->options, own_host);
  lab_web_config config = {
      .loop = &app->loop,
      .vm = app->vm,
      .argv = (const char *const *)argv,
      .argc = (size_t)argc,
      .hosts = app->options.hosts.items,
      .nhosts = app->options.hosts.n,
  };
  int rc = lab_web_new(&app->web, &config);
  if (rc)
    return lab_err_set(err, rc, "can't start the server: %s", strerror(-rc));
  rc = lab_listen(app->web, app->options.listen, name, &why);
  if (rc)
    return lab_err_set(err, rc, "can't listen on %s", why.text);
  lab_log("HTTP server started on %s", name);
  return 0;
}

/* ---- all together -------------------------------------------------------- */

static int start_profilers(const lab_app *app, lab_err *err) {
  int rc = lab_cpu_init();
  if (rc)
    return lab_err_set(err, rc, "can't set up the CPU profiler: %s",
                       strerror(-rc));
  lab_thread_adopt("control");
  rc = lab_unwind_init();
  if (rc)
    fprintf(stderr, "diaglab: can't read its own symbols: %s\n", strerror(-rc));
  if (app->options.memprofile_rate >= 0)
    lab_mem_set_rate((uint64_t)app->options.memprofile_rate);
  lab_vm_init_profiles();
  lab_registry_add_heap();
  return 0;
}

static int start(lab_app *app, int argc, char **argv, char *own_host,
                 lab_err *err) {
  int rc = start_vm(app, err);
  if (rc == 0)
    rc = enter_step(app, err);
  if (rc == 0 && !app->stopping)
    rc = start_web(app, argc, argv, own_host, err);
  if (rc == 0 && !app->stopping)
    lab_app_start_scavenger(app);
  return rc;
}

static void open_loop(lab_app *app) {
  uv_loop_init(&app->loop);
  uv_async_init(&app->loop, &app->answers, on_answers);
  uv_check_init(&app->loop, &app->round);
  uv_check_start(&app->round, on_round);
  uv_unref((uv_handle_t *)&app->round);
  uv_timer_init(&app->loop, &app->second);
  uv_timer_init(&app->loop, &app->deadline);
  lab_app_watch_signals(app);
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  uv_close(handle, NULL);
}

/* Until lab_app_stop has done its work. What is in the loop then are the app's
 * own handles. */
static void run_loop(lab_app *app) {
  uv_run(&app->loop, UV_RUN_DEFAULT);
  uv_walk(&app->loop, close_handle, NULL);
  uv_run(&app->loop, UV_RUN_DEFAULT);
  int rc = uv_loop_close(&app->loop);
  LAB_ASSERT(rc == 0);
  lab_web_free(app->web);
}

static int run(lab_app *app, int argc, char **argv) {
  char own_host[LAB_LISTEN_NAME];
  lab_err err;
  int rc = start_profilers(app, &err);
  if (rc == 0)
    rc = lab_log_open(app->options.log_file, &err);
  if (rc == 0) {
    lab_log("Application started with PID %d", (int)getpid());
    open_loop(app);
    rc = start(app, argc, argv, own_host, &err);
    if (rc)
      lab_app_stop(app);
    run_loop(app);
    lab_log_close();
  }
  if (rc)
    fprintf(stderr, "diaglab: %s\n", err.text);
  lab_thread_abandon();
  return rc ? 1 : 0;
}

int main(int argc, char **argv) {
  static lab_app app;
  int rc = lab_mem_init();
  if (rc) {
    fprintf(stderr, "diaglab: can't make a heap: %s\n", strerror(-rc));
    return 1;
  }
  uv_replace_allocator(lab_mem_own_alloc, lab_mem_own_realloc,
                       lab_mem_own_calloc, lab_mem_own_free);
  signal(SIGPIPE, SIG_IGN);
  int code = 0;
  lab_options_result result = lab_options_parse(&app.options, argc, argv);
  if (result == LAB_OPTIONS_RUN)
    code = run(&app, argc, argv);
  else if (result == LAB_OPTIONS_WRONG)
    code = 2;
  lab_options_free(&app.options);
  return code;
}
