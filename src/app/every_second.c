/* SPDX-License-Identifier: MIT
 * See every_second.h. To give a large heap back takes milliseconds, so libuv's
 * pool does it. */
#include "app/every_second.h"

#include "app/app.h"
#include "base/image.h"
#include "base/often.h"
#include "base/queue.h"
#include "mem/scavenge.h"
#include "scenario/entry_watch.h"

static void scavenge_on_pool(lab_work *work) {
  lab_app *app = LAB_CONTAINER(work, lab_app, scavenge);
  if (!app->started) /* the first second is over */
    lab_image_release();
  app->started = true;
  lab_mem_scavenge_tick();
}

static void on_scavenged(lab_work *work) {
  LAB_CONTAINER(work, lab_app, scavenge)->scavenging = false;
}

static void on_second(uv_timer_t *timer) {
  lab_app *app = LAB_CONTAINER(timer, lab_app, second);
  lab_log_often_tick();
  if (app->vm) {
    lab_entry_watch_tick(app->vm);
    lab_flight_tick(&app->flight_trimmer, app->vm);
  }
  if (app->web && !app->stopping)
    lab_web_tick(app->web);
  if (app->scavenging)
    return;
  app->scavenging = true;
  lab_work_begin(&app->scavenge, &app->loop, LAB_TURN_SOON, scavenge_on_pool,
                 on_scavenged);
}

void lab_app_start_seconds(lab_app *app) {
  lab_mem_set_scavenge(app->config.scavenge);
  uv_timer_start(&app->second, on_second, 1000, 1000);
}
