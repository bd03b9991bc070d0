/* SPDX-License-Identifier: MIT
 * A lab from beginning to end: see diaglab/diaglab.h. The order matters: the
 * counted heap comes before anything allocates, the profiler before there are
 * threads, the step before the first request. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/debug.h"
#include "app/every_second.h"
#include "app/listen.h"
#include "app/page.h"
#include "app/pool.h"
#include "app/signals.h"
#include "app/stop.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/often.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/queue.h"
#include "base/spawn.h"
#include "base/thread.h"
#include "lab_version.h"
#include "mem/mem.h"
#include "mem/own.h"
#include "mem/sample.h"
#include "plugin/plugin.h"
#include "prof/contention.h"
#include "prof/cpu.h"
#include "prof/registry.h"
#include "scenario/catalog.h"
#include "scenario/reader.h"
#include "services/child.h"
#include "stack/unwind.h"
#include "vm/lualayout.h"

enum { LOOP_FDS = 6 }; /* descriptors that an event loop has */

lab_debug_root lab_debug = {NULL, &lab_lua_layout};

/* ---- the VM -------------------------------------------------------------- */

/* Any thread. */
static void wake_loop(void *arg) {
  uv_async_send(arg);
}

static void on_vm_answers(uv_async_t *async) {
  lab_app *app = LAB_CONTAINER(async, lab_app, answers);
  if (app->vm)
    lab_vm_collect(app->vm);
}

static void on_loop_round(uv_check_t *check) {
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

static int check_folders(const lab_config *config, lab_err *err) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < config->nscenarios; i++)
    rc = check_folder(config->scenarios[i], err);
  return rc;
}

static int load_primitives(const lab_config *config, lab_err *err) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < config->nprimitives; i++)
    rc = lab_plugin_load(config->primitives[i], err);
  for (size_t i = 0; rc == 0 && i < config->nown_primitives; i++)
    rc = lab_plugin_add(config->own_primitives[i], err);
  return rc;
}

/* The names that a request's Host header may have: the further ones of the
 * configuration, and the host that the lab listens on. */
static void collect_hosts(lab_app *app) {
  const lab_config *given = &app->config;
  lab_listen_host(given->listen, app->own_host);
  app->hosts = lab_xcalloc(given->nhosts + 1, sizeof *app->hosts);
  for (size_t i = 0; i < given->nhosts; i++)
    app->hosts[i] = given->hosts[i];
  app->hosts[given->nhosts] = app->own_host;
  app->nhosts = given->nhosts + (app->own_host[0] != '\0');
}

static int start_vm(lab_app *app, lab_err *err) {
  const lab_config *given = &app->config;
  char scenarios[PATH_MAX], lua[PATH_MAX];
  const char *own = scenarios;
  bool found = lab_paths_find("scenarios", scenarios);
  int rc = check_folders(given, err);
  if (rc == 0)
    rc = load_primitives(given, err);
  if (rc)
    return rc;
  if (!found && given->nscenarios == 0)
    lab_log("There are no scenarios: the program was copied away from its "
            "files. Name their folder with --scenarios");
  lab_vm_config config = {
      .scenario = {.dirs = given->nscenarios ? given->scenarios : &own,
                   .ndirs = given->nscenarios ? given->nscenarios : found,
                   .params = given->params,
                   .nparams = given->nparams,
                   .lua_dir = lab_paths_find("lua", lua) ? lua : NULL},
      .workers = given->workers,
      .flight_ns = (uint64_t)given->flight_ns,
      .flight_bytes = given->flight_bytes,
      .services = &app->services,
      .wake = wake_loop,
      .arg = &app->answers,
  };
  app->services_config = (lab_services_config){
      .loop = &app->loop,
      .guard = {app->hosts, app->nhosts, given->check_host},
  };
  lab_services_init(&app->services, &app->services_config);
  return lab_vm_new(&app->vm, &config, err);
}

/* ---- the first step ------------------------------------------------------ */

static void on_first_step(lab_call *call) {
  *(bool *)call->user = true;
}

/* Runs the loop until the VM is in the first step. A step that the user asked
 * for must work; without step 0 a lab can go on. */
static int enter_step(lab_app *app, lab_err *err) {
  bool asked = app->config.step >= 0, done = false;
  lab_switch x = {
      .call = {.answered = on_first_step, .user = &done},
      .step = asked ? app->config.step : 0,
      .query = "",
  };
  lab_switch_send(app->vm, &x);
  while (!done)
    uv_run(&app->loop, UV_RUN_ONCE);
  int rc = x.status == 200 ? 0 : -EINVAL;
  if (rc) {
    lab_err_set(err, rc, "%.*s", (int)x.reply.len,
                x.reply.data ? x.reply.data : "");
    if (!asked)
      lab_log("step 0: %s", err->text);
  }
  if (app->stopping)
    rc = 0; /* it was told to stop: that is no failure */
  lab_buf_free(&x.reply);
  return asked ? rc : 0;
}

/* ---- HTTP ---------------------------------------------------------------- */

static int start_web(lab_app *app, lab_err *err) {
  char name[LAB_LISTEN_NAME];
  lab_err why;
  lab_web_config config = {
      .loop = &app->loop,
      .vm = app->vm,
      .argv = app->config.argv,
      .argc = app->config.argc,
      .version = LAB_VERSION,
      .hosts = app->hosts,
      .nhosts = app->nhosts,
      .check_host = app->config.check_host,
      .origins = app->config.origins,
      .norigins = app->config.norigins,
      .trace_events = app->config.trace_events,
      .state = app->config.state,
      .hint_pause = app->config.hint_pause,
  };
  int rc = lab_web_new(&app->web, &config, err);
  if (rc)
    return rc;
  rc = lab_listen(app->web, app->config.listen, name, &app->port, &why);
  if (rc)
    return lab_err_set(err, rc, "can't listen on %s", why.text);
  lab_log("HTTP server started on %s", name);
  lab_spawn_tell_port(app->port);
  lab_app_open_page(app, name);
  return 0;
}

/* ---- the loop ------------------------------------------------------------ */

static int start_parts(lab_app *app, lab_err *err) {
  collect_hosts(app);
  int rc = start_vm(app, err);
  lab_app_start_seconds(app);
  lab_mem_release(); /* what the start needed: the steps' own stays */
  if (rc == 0)
    rc = enter_step(app, err);
  if (rc == 0 && !app->stopping)
    rc = start_web(app, err);
  if (rc == 0)
    lab_app_name_sources(app);
  return rc;
}

/* lab_stop was called. */
static void on_stop_called(uv_async_t *async) {
  lab_app_stop(LAB_CONTAINER(async, lab_app, stop));
}

static void close_loop_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  uv_close(handle, NULL);
}

/* All handles in the loop must be the app's own. */
static void close_loop(lab_app *app) {
  lab_app_mute_signals();
  uv_walk(&app->loop, close_loop_handle, NULL);
  uv_run(&app->loop, UV_RUN_DEFAULT);
  int rc = uv_loop_close(&app->loop);
  LAB_ASSERT(rc == 0);
}

static int fill_loop(lab_app *app) {
  int rc = uv_async_init(&app->loop, &app->answers, on_vm_answers);
  if (rc == 0)
    rc = uv_async_init(&app->loop, &app->stop, on_stop_called);
  if (rc)
    return rc;
  uv_check_init(&app->loop, &app->round);
  uv_check_start(&app->round, on_loop_round);
  uv_unref((uv_handle_t *)&app->round);
  uv_timer_init(&app->loop, &app->second);
  uv_timer_init(&app->loop, &app->deadline);
  uv_timer_init(&app->loop, &app->dump.patience);
  return lab_app_watch_signals(app);
}

/* libuv calls abort(), and says nothing, if it can open the loop but not the
 * pipe for its signals. So this tells first whether there are enough
 * descriptors. 0 or a negative errno. */
static int check_descriptors(void) {
  int fds[LOOP_FDS], n = 0, rc = 0;
  for (; n < LOOP_FDS && rc == 0; n += rc == 0) {
    fds[n] = eventfd(0, EFD_CLOEXEC);
    rc = fds[n] < 0 ? -errno : 0;
  }
  while (n > 0)
    close(fds[--n]);
  return rc;
}

static int open_loop(lab_app *app, lab_err *err) {
  int rc = check_descriptors();
  if (rc == 0)
    rc = uv_loop_init(&app->loop);
  if (rc)
    return lab_err_set(err, rc, "can't make the event loop: %s",
                       uv_strerror(rc));
  const char *what = "make the event loop";
  rc = fill_loop(app);
  if (rc == 0) {
    what = "start the threads of libuv's pool";
    rc = lab_app_start_pool(app);
  }
  if (rc == 0)
    return 0;
  close_loop(app);
  return lab_err_set(err, rc, "can't %s: %s", what, uv_strerror(rc));
}

/* Returns when lab_app_stop has done its work. */
static void run_loop(lab_app *app) {
  uv_run(&app->loop, UV_RUN_DEFAULT);
  close_loop(app);
  lab_app_free_page(app);
  lab_web_free(app->web);
}

/* ---- the interface ------------------------------------------------------- */

/* Whoever started the process may have closed some of them. Then the next file
 * or socket would get such a number: libuv ends the process when it closes one
 * of these, and what prints would write into a connection. */
static void open_standard_descriptors(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO)
    close(fd);
}

/* The process ends for want of memory. */
static void give_back_at_end(void) {
  const lab_app *app = lab_debug.app;
  lab_services_kill_children();
  if (app && app->vm)
    lab_vm_abandon(app->vm);
}

int lab_init(void) {
  open_standard_descriptors();
  lab_thread_take_signals();
  lab_reader_run(); /* doesn't return in a process that is a reader */
  int rc = lab_mem_init();
  if (rc)
    return rc;
  lab_alloc_at_end(give_back_at_end);
  lab_app_size_pool();
  /* libuv calls abort() where it can't go on without memory, and says nothing.
   * These end the process in an orderly way before that. */
  uv_replace_allocator(lab_xmalloc, lab_xrealloc, lab_xcalloc, lab_xfree);
  lab_process_raise_fds();
  lab_process_open(); /* without it some numbers are 0 */
  rc = lab_cpu_init();
  if (rc)
    return rc;
  if (lab_unwind_init())
    fprintf(stderr, "diaglab: can't read its own symbols\n");
  lab_vm_init_profiles();
  lab_registry_add_heap();
  lab_registry_add_threads();
  lab_registry_add_contention();
  lab_registry_add_files();
  return 0;
}

void lab_config_init(lab_config *config) {
  *config = (lab_config){.listen = "localhost:6060",
                         .step = -1,
                         .memprofile_rate = -1,
                         .blockprofile_rate = 1,
                         .mutexprofile_fraction = 1,
                         .usr2_seconds = 30,
                         .flight_ns = LAB_FLIGHT_NS,
                         .flight_bytes = LAB_FLIGHT_BYTES,
                         .hint_pause = 60,
                         .scavenge = 300};
}

static void free_app(lab_app *app) {
  lab_log_often_tick();
  lab_log_close();
  lab_thread_abandon();
  lab_app_unwatch_signals(app);
  lab_debug.app = NULL;
  lab_plugin_clear();
  lab_xfree(app->hosts);
  lab_xfree(app);
}

static int check_listen(const char *text, lab_err *err) {
  if (lab_listen_is_address(text))
    return 0;
  return lab_err_set(err, -EINVAL,
                     "\"%s\" is not of the form HOST:PORT, [::1]:PORT or :PORT",
                     text);
}

static int start_lab(lab_app *app, lab_err *err) {
  int rc = open_loop(app, err);
  if (rc)
    return rc;
  rc = start_parts(app, err);
  if (rc) {
    snprintf(app->failure, sizeof app->failure, "%s", err->text);
    lab_app_stop(app);
    run_loop(app);
  }
  return rc;
}

int lab_new(lab_app **out, const lab_config *config, char *error, size_t size) {
  lab_err err;
  lab_app *app = lab_xcalloc(1, sizeof *app);
  app->config = *config;
  lab_list_init(&app->profiles);
  lab_debug.app = app;
  lab_unwatch_thread(); /* or it would be listed twice */
  lab_thread_adopt("control");
  if (config->memprofile_rate >= 0)
    lab_mem_set_rate((uint64_t)config->memprofile_rate);
  lab_contention_set_block_rate(config->blockprofile_rate);
  lab_contention_set_mutex_fraction(config->mutexprofile_fraction);
  int rc = check_listen(config->listen, &err);
  if (rc == 0)
    rc = lab_log_open(config->log_file, &err);
  if (rc == 0) {
    lab_log("Application started with PID %d", (int)getpid());
    rc = start_lab(app, &err);
  }
  if (rc) {
    snprintf(error, size, "%s", err.text);
    free_app(app);
    return rc;
  }
  *out = app;
  return 0;
}

char *lab_steps_text(const lab_config *config, size_t *broken, char *error,
                     size_t size) {
  char scenarios[PATH_MAX];
  const char *own = scenarios;
  bool found = lab_paths_find("scenarios", scenarios);
  lab_catalog_question q = {
      .dirs = config->nscenarios ? config->scenarios : &own,
      .ndirs = config->nscenarios ? config->nscenarios : found,
      .step = -1,
  };
  lab_buf out = LAB_BUF_INIT;
  lab_err err;
  if (check_folders(config, &err) || load_primitives(config, &err)) {
    lab_plugin_clear();
    snprintf(error, size, "%s", err.text);
    return NULL;
  }
  int status = lab_catalog_answer(&q, &out);
  lab_plugin_clear();
  if (status != 200) {
    snprintf(error, size, "%.*s", (int)out.len, out.data);
    lab_buf_free(&out);
    return NULL;
  }
  *broken = q.broken;
  lab_buf_putc(&out, '\0');
  return out.data;
}

void lab_steps_text_free(char *list) {
  lab_xfree(list);
}

int lab_port(const lab_app *app) {
  return app->port;
}

void lab_run(lab_app *app) {
  run_loop(app);
}

void lab_stop(lab_app *app) {
  uv_async_send(&app->stop);
}

void lab_free(lab_app *app) {
  free_app(app);
}
