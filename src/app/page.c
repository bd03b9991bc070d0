/* SPDX-License-Identifier: MIT
 * See page.h. */
#include "app/page.h"

#include <string.h>

#include "app/app.h"
#include "base/log.h"

#ifdef LAB_WEB_UI
#include "page/page.h"

/* In a browser's form: ":6060" is no address there. */
static void log_page(const char *name) {
  lab_log("The page for students is at http://%s%s/lab/",
          *name == ':' ? "localhost" : "", name);
}

void lab_app_open_page(struct lab_app *app, const char *name) {
  const lab_page_config config = {
      .loop = &app->loop,
      .vm = app->vm,
      .web = app->web,
      .hint_pause = app->config.hint_pause,
      .state = app->config.state,
      .repair = app->config.repair,
  };
  app->page = lab_page_new(&config);
  log_page(name);
}

void lab_app_stop_page(struct lab_app *app) {
  if (app->page)
    lab_page_stop(app->page);
}

void lab_app_free_page(struct lab_app *app) {
  lab_page_free(app->page);
}
#else
void lab_app_open_page(struct lab_app *app, const char *name) {
  (void)app;
  (void)name;
  lab_log("This lab was built without the page for students (WEB_UI=OFF)");
}

void lab_app_stop_page(struct lab_app *app) {
  (void)app;
}

void lab_app_free_page(struct lab_app *app) {
  (void)app;
}
#endif
