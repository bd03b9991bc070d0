/* SPDX-License-Identifier: MIT
 * See shown.h.
 *
 * All that may raise or take long is done before the lock is taken, because the
 * control thread waits for the lock. */
#include "scenario/shown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "prof/attempt.h"
#include "scenario/scenario.h"
#include "trace/trace.h"
#include "vm/vm.h"

/* ---- the VM's side ------------------------------------------------------- */

/* Keys of a table of the scenario's that are looked at. `enter` may have put
 * any number of them there, and nothing can interrupt this. */
enum { KEYS_LOOKED = 1000 };

static size_t collect_routes(lua_State *L, int scenario,
                             char routes[LAB_ROUTES][LAB_ROUTE_LEN]) {
  size_t n = 0;
  int looked = 0;
  lua_pushliteral(L, "routes");
  if (lua_rawget(L, scenario) == LUA_TTABLE) {
    lua_pushnil(L);
    for (; looked < KEYS_LOOKED && lua_next(L, -2); looked++) {
      if (n < LAB_ROUTES && lua_type(L, -2) == LUA_TSTRING)
        snprintf(routes[n++], LAB_ROUTE_LEN, "%s", lua_tostring(L, -2));
      lua_pop(L, 1);
    }
    if (looked == KEYS_LOOKED)
      lua_pop(L, 1); /* the key */
  }
  lua_pop(L, 1);
  return n;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Writes the value on top of the stack, and pops it. */
static void write_param_value(lua_State *L, lab_json *j) {
  if (lua_type(L, -1) == LUA_TSTRING) {
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    lab_json_string(j, text, len);
  } else if (lua_isboolean(L, -1)) {
    lab_json_bool(j, lua_toboolean(L, -1));
  } else if (lua_isinteger(L, -1)) {
    lab_json_int(j, lua_tointeger(L, -1));
  } else if (lua_type(L, -1) == LUA_TNUMBER) {
    lab_json_double(j, lua_tonumber(L, -1));
  } else {
    lab_json_null(j);
  }
  lua_pop(L, 1);
}

/* The table on top of the stack as a JSON object, in the order of keys. A key
 * that isn't a string is left out: `enter` may have put it there. Nothing here
 * raises: it only reads raw fields, for names that are there. */
static void write_params(lua_State *L, lab_buf *out) {
  lab_buf names = LAB_BUF_INIT;
  int looked = 0;
  lua_pushnil(L);
  for (; looked < KEYS_LOOKED && lua_next(L, -2); looked++) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      continue;
    const char *name = lua_tostring(L, -1);
    lab_buf_append(&names, &name, sizeof name);
  }
  if (looked == KEYS_LOOKED)
    lua_pop(L, 1); /* the key */
  const char **all = (const char **)(void *)names.data;
  size_t n = names.len / sizeof *all;
  if (n > 0) /* else there is no array */
    qsort(all, n, sizeof *all, compare_names);
  lab_json j;
  lab_json_start(&j, out);
  lab_json_begin_object(&j, LAB_JSON_SPACED);
  for (size_t i = 0; i < n; i++) {
    lab_json_key(&j, all[i]);
    lua_pushstring(L, all[i]);
    lua_rawget(L, -2);
    write_param_value(L, &j);
  }
  lab_json_end(&j);
  lab_buf_free(&names);
}

/* Likewise, and nothing if there is no table. Pops it. */
static void write_params_if_any(lua_State *L, lab_buf *out) {
  if (lua_istable(L, -1))
    write_params(L, out);
  lua_pop(L, 1);
}

static void push_field_of_step(lua_State *L, int scenario, const char *key) {
  lua_pushstring(L, key);
  lua_rawget(L, scenario);
}

static void tell_of_visit(void) {
  char remark[LAB_ATTEMPT_COMMENT];
  lab_attempt_begin();
  lab_attempt_write(lab_attempt_now().id, remark);
  lab_trace_begin_visit(remark);
}

void lab_shown_set_step(lab_vm *vm, lua_State *L, int scenario, bool is_other) {
  lab_scenario *s = vm->scenario;
  char routes[LAB_ROUTES][LAB_ROUTE_LEN];
  lab_shown_step new = {.number = s->step.number,
                        .since = lab_clock_real(),
                        .since_mono = lab_clock_mono(),
                        .is_other = is_other};
  new.entered = s->step.entered = s->step.generation ? new.since_mono : 0;
  memcpy(new.slug, s->step.slug, sizeof new.slug);
  size_t nroutes = collect_routes(L, scenario, routes);
  push_field_of_step(L, scenario, "given params");
  push_field_of_step(L, scenario, "title");
  push_field_of_step(L, scenario, "params");
  size_t len;
  const char *title = lua_tolstring(L, -2, &len);
  lab_buf_append(&new.title, title ? title : "", title ? len : 0);
  write_params_if_any(L, &new.params);
  lua_pop(L, 1);
  write_params_if_any(L, &new.given);

  pthread_mutex_lock(&s->shown.lock);
  lab_shown_step old = s->shown.step;
  lab_entry entry = s->shown.entry;
  s->shown.step = new;
  s->shown.entry = (lab_entry){0};
  memcpy(s->shown.routes, routes, nroutes * sizeof routes[0]);
  s->shown.nroutes = nroutes;
  pthread_mutex_unlock(&s->shown.lock);
  atomic_store(&s->shown.number, new.number);
  tell_of_visit();
  lab_shown_give_back(&old, &entry);
}

/* ---- any thread -----------------------------------------------------------
 */

void lab_shown_init(lab_vm *vm) {
  pthread_mutex_init(&vm->scenario->shown.lock, NULL);
}

void lab_shown_free(lab_vm *vm) {
  lab_shown *shown = &vm->scenario->shown;
  lab_shown_give_back(&shown->step, &shown->entry);
  pthread_mutex_destroy(&shown->lock);
}

static void append_text(lab_buf *to, const lab_buf *from, const char *none) {
  if (from->len > 0)
    lab_buf_append(to, from->data, from->len);
  else
    lab_buf_puts(to, none);
}

void lab_shown_read(lab_vm *vm, lab_shown_step *step, lab_entry *entry) {
  lab_shown *shown = &vm->scenario->shown;
  pthread_mutex_lock(&shown->lock);
  *step = shown->step;
  *entry = shown->entry;
  step->title = step->params = step->given = entry->where =
      (lab_buf)LAB_BUF_INIT;
  append_text(&step->title, &shown->step.title, "");
  append_text(&step->params, &shown->step.params, "{}");
  append_text(&step->given, &shown->step.given, "{}");
  append_text(&entry->where, &shown->entry.where, "");
  pthread_mutex_unlock(&shown->lock);
}

void lab_shown_give_back(lab_shown_step *step, lab_entry *entry) {
  if (step) {
    lab_buf_free(&step->title);
    lab_buf_free(&step->params);
    lab_buf_free(&step->given);
  }
  if (entry)
    lab_buf_free(&entry->where);
}

int lab_shown_number(lab_vm *vm) {
  return atomic_load(&vm->scenario->shown.number);
}

int lab_shown_slug(lab_vm *vm, char slug[LAB_SLUG_LEN]) {
  lab_shown *shown = &vm->scenario->shown;
  pthread_mutex_lock(&shown->lock);
  int number = shown->step.number;
  memcpy(slug, shown->step.slug, LAB_SLUG_LEN);
  pthread_mutex_unlock(&shown->lock);
  return number;
}

int lab_shown_visit(lab_vm *vm, uint64_t *entered) {
  lab_shown *shown = &vm->scenario->shown;
  pthread_mutex_lock(&shown->lock);
  int number = shown->step.number;
  *entered = shown->step.entered;
  pthread_mutex_unlock(&shown->lock);
  return number;
}

bool lab_shown_has_route(lab_vm *vm, const char *path, size_t len) {
  lab_shown *shown = &vm->scenario->shown;
  bool found = false;
  pthread_mutex_lock(&shown->lock);
  for (size_t i = 0; i < shown->nroutes && !found; i++)
    found = strlen(shown->routes[i]) == len &&
            memcmp(shown->routes[i], path, len) == 0;
  pthread_mutex_unlock(&shown->lock);
  return found;
}
