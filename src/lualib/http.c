/* SPDX-License-Identifier: MIT
 * See http.h. */
#include "lualib/http.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lualib/class.h"
#include "lualib/failure.h"
#include "lualib/http_client.h"
#include "lualib/ticket.h"
#include "resources/fds.h"
#include "vm/vm.h"
#include "vm/walk.h"

static const char TICKET[] = "lab.HttpTicket";

static void reclaim_ticket(lab_owned *o) {
  lab_ticket_end(LAB_CONTAINER(o, lab_ticket, owned));
}

static int ticket_gc(lua_State *L) {
  lab_ticket_end(luaL_checkudata(L, 1, TICKET));
  return 0;
}

static int finish_get(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  lab_ticket *k = (lab_ticket *)ctx;
  if (!lab_ticket_take(L, k))
    lab_ticket_end(k);
  lab_lua_check_cancelled(L);
  int n = lab_ticket_push_answer(L, k);
  lab_ticket_end(k);
  return n;
}

/* lab.http.get(url[, { timeout, headers, method, body }]) */
static int http_get(lua_State *L) {
  lab_lua_check_services(L);
  lab_question q = lab_question_check(L, 1, "lab.http.get", false);
  lab_lua_check_parkable(L, "get");
  lab_ticket *k = lua_newuserdatauv(L, sizeof *k, 0);
  memset(k, 0, sizeof *k);
  luaL_setmetatable(L, TICKET);
  lab_ticket_open(L, k, &q);
  if (!lab_fd_take(lab_vm_of(L))) {
    lab_ticket_end(k);
    return lab_lua_failure(L, "dial tcp", NULL, -EMFILE);
  }
  k->fetch->errand.fds.count = 1;
  return lab_ticket_send(L, k, reclaim_ticket, finish_get);
}

static const luaL_Reg http_functions[] = {
    {"get", http_get},
    {NULL, NULL},
};

static const luaL_Reg ticket_metamethods[] = {
    {"__gc", ticket_gc},
    {NULL, NULL},
};

void lab_lib_http(lua_State *L) {
  lab_lua_new_class(L, TICKET, NULL, ticket_metamethods);
  luaL_newlib(L, http_functions);
  lab_lib_http_client(L);
  lab_walk_register(L, "lab.http", false);
  lua_setfield(L, -2, "http");
}
