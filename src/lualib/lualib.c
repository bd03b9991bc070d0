/* SPDX-License-Identifier: MIT
 * See lualib.h. */
#include "lualib/lualib.h"

#include "lualib/base.h"
#include "lualib/buffer.h"
#include "lualib/channel.h"
#include "lualib/cpu.h"
#include "lualib/file.h"
#include "lualib/http.h"
#include "lualib/label.h"
#include "lualib/metric.h"
#include "lualib/open.h"
#include "lualib/primitive.h"
#include "lualib/process.h"
#include "lualib/profile.h"
#include "lualib/server.h"
#include "lualib/sync.h"
#include "lualib/task.h"
#include "lualib/tcp.h"
#include "lualib/timer.h"
#include "vm/walk.h"

void lab_lualib_open(lua_State *L) {
  lua_newtable(L);
  lab_lib_buffer(L);
  lab_lib_cpu(L);
  lab_lib_label(L);
  lab_lib_metric(L);
  lab_lib_profile(L);
  lab_lib_task(L);
  lab_lib_sync(L);
  lab_lib_channel(L);
  lab_lib_timer(L);
  lab_lib_file(L);
  lab_lib_open(L);
  lab_lib_http(L);
  lab_lib_primitive(L);
  lab_lib_process(L);
  lab_lib_server(L);
  lab_lib_tcp(L);
  lab_lib_base(L);
  lab_walk_register(L, "lab", false);
}
