/* SPDX-License-Identifier: MIT
 * See services.h. */
#include "services/services.h"

#include "http/pool.h"
#include "services/bell.h"
#include "services/child.h"
#include "services/fetch.h"
#include "services/pipe.h"
#include "services/serve.h"

void lab_services_init(lab_services *out, lab_services_config *config) {
  *out = (lab_services){
      .arg = config,
      .find_place = lab_services_find_place,
      .fetch = lab_services_fetch,
      .read_fetch = lab_services_read_fetch,
      .stop_fetch = lab_services_stop_fetch,
      .pool = lab_services_pool,
      .stop_pool = lab_services_stop_pool,
      .pool_size = lab_http_pool_size(),
      .serve = lab_services_serve,
      .stop_serve = lab_services_stop_serve,
      .spawn = lab_services_spawn,
      .kill = lab_services_kill,
      .stop_child = lab_services_stop_child,
      .collect = lab_services_collect,
      .count_children = lab_services_count_children,
      .wait_pipe = lab_services_wait_pipe,
      .close_pipe = lab_services_close_pipe,
      .watch = lab_services_watch,
      .stop_watch = lab_services_stop_watch,
  };
}
