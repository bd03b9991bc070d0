/* SPDX-License-Identifier: MIT
 * See records.h. */
#include "scenario/records.h"

#include "scenario/folders.h"
#include "scenario/owner.h"

/* A record that is held while its text is pushed, which may raise: then the
 * collector gives it back. */
typedef struct holder {
  const lab_folder_record *record;
} holder;

static const char HOLDER[] = "lab.record_holder";

static int release_held(lua_State *L) {
  holder *h = lua_touserdata(L, 1);
  lab_folders_release(h->record);
  h->record = NULL;
  return 0;
}

static holder *push_holder(lua_State *L) {
  return lab_push_owner(L, sizeof(holder), 0, HOLDER, release_held, NULL);
}

/* The list is the state's own memory, so that nothing is lost if it raises. */
static int read_folder_list(lua_State *L, bool whole) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t n = (size_t)lua_rawlen(L, 1);
  const char **files = lua_newuserdatauv(L, (n + 1) * sizeof *files, 0);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    files[i] = luaL_checkstring(L, -1); /* the table keeps it alive */
    lua_pop(L, 1);
  }
  lab_folders_read(files, n, whole);
  return 0;
}

static int read_folders(lua_State *L) {
  return read_folder_list(L, false);
}

static int read_whole_folders(lua_State *L) {
  return read_folder_list(L, true);
}

static int push_record(lua_State *L) {
  const char *file = luaL_checkstring(L, 1);
  holder *h = push_holder(L);
  h->record = lab_folders_get(file);
  if (!h->record) {
    luaL_pushfail(L);
    lua_pushliteral(L, "it was not read, because the lab is stopping");
    return 2;
  }
  bool failed = h->record->failed, delayed = h->record->delayed;
  const lab_buf *text = &h->record->text;
  if (failed)
    luaL_pushfail(L);
  lua_pushlstring(L, text->len ? text->data : "", text->len);
  lab_folders_release(h->record);
  h->record = NULL;
  if (delayed)
    lua_pushliteral(L, "shortage");
  return delayed ? 3 : failed ? 2 : 1;
}

const luaL_Reg lab_host_records[] = {
    {"read_folders", read_folders},
    {"read_whole", read_whole_folders},
    {"record", push_record},
    {NULL, NULL},
};
