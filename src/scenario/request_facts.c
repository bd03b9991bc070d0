/* SPDX-License-Identifier: MIT
 * See request_facts.h. */
#include "scenario/request_facts.h"

#include "resources/headers.h"
#include "scenario/request.h"
#include "vm/vm.h"

/* The request of the id that is the first argument, if it can be asked. */
static const lab_request *find_asked(lua_State *L) {
  uint64_t id = (uint64_t)luaL_checkinteger(L, 1);
  const lab_request *x = lab_requests_find(lab_vm_of(L), id);
  return x && x->facts ? x : NULL;
}

static int push_request_headers(lua_State *L) {
  const lab_request *x = find_asked(L);
  lab_field field;
  if (!x)
    return 0;
  lua_newtable(L);
  for (size_t i = 0; x->facts->header(x->http, i, &field); i++)
    lab_lua_add_header(L, &field);
  return 1;
}

static int push_request_remote(lua_State *L) {
  const lab_request *x = find_asked(L);
  char text[LAB_REQUEST_REMOTE];
  if (!x)
    return 0;
  x->facts->remote(x->http, text);
  lua_pushstring(L, text);
  return 1;
}

static int push_request_left(lua_State *L) {
  const lab_request *x = find_asked(L);
  lua_pushboolean(L, !x || x->facts->has_left(x->http));
  return 1;
}

const luaL_Reg lab_host_request_facts[] = {
    {"request_headers", push_request_headers},
    {"request_remote", push_request_remote},
    {"request_left", push_request_left},
    {NULL, NULL},
};
