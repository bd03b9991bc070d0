/* SPDX-License-Identifier: MIT
 * See metric.h.
 *
 * lab.counter("jobs"):add() keeps no object, and yet the number must stay. So
 * there is one `own` per name and visit of a step. It is removed with the step,
 * and any number of handles refer to it. */
#include "lualib/metric.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/metric.h"
#include "lualib/class.h"
#include "resources/owned.h"
#include "vm/vm.h"

static const char COUNTER[] = "lab.Counter";
static const char GAUGE[] = "lab.Gauge";
enum {
  NAME_MAX_LEN = 128,
  METRICS_MAX = 200, /* of a step, because every scrape shows all of them */
};

typedef struct own {
  lab_owned owned;
  lab_list link;      /* in `metrics` */
  lab_metric *metric; /* NULL: its step was left */
  unsigned handles;
} own;

typedef struct handle {
  own *of; /* NULL until it is complete */
} handle;

/* Of all steps; one VM per process. */
static lab_list metrics = {&metrics, &metrics};

/* ---- the step's ---------------------------------------------------------- */

static void free_if_unused(own *o) {
  if (!o->metric && o->handles == 0)
    lab_xfree(o);
}

static void reclaim_metric(lab_owned *owned) {
  own *o = LAB_CONTAINER(owned, own, owned);
  lab_list_remove(&o->link);
  lab_metric_free(o->metric);
  o->metric = NULL;
  free_if_unused(o);
}

/* The metric of the present visit that would have the same name as NAME, or
 * NULL. */
static own *find_metric(lab_vm *vm, const char *name, unsigned *count) {
  uint32_t generation = lab_vm_generation(vm);
  *count = 0;
  for (lab_list *l = metrics.next; l != &metrics; l = l->next) {
    own *o = LAB_CONTAINER(l, own, link);
    if (o->owned.generation != generation)
      continue;
    if (lab_metric_same_family(o->metric->name, name))
      return o;
    ++*count;
  }
  return NULL;
}

static own *add_metric(lab_vm *vm, lab_metric_kind kind, const char *name) {
  own *o = lab_xcalloc(1, sizeof *o);
  o->metric = lab_metric_new(kind, name, NULL);
  lab_list_push_back(&metrics, &o->link);
  lab_owned_add(vm, &o->owned, NULL, reclaim_metric);
  return o;
}

/* ---- making them --------------------------------------------------------- */

/* Names that are taken: those of the lab's own metrics, and the keys of
 * /debug/vars. */
static bool is_taken(const char *name) {
  return strncmp(name, "go_", 3) == 0 || strncmp(name, "process_", 8) == 0 ||
         strncmp(name, "diaglab_", 8) == 0 || strcmp(name, "cmdline") == 0 ||
         strcmp(name, "memstats") == 0;
}

/* The ending of NAME, of LEN bytes, that in OpenMetrics belongs to another
 * sample of the same family or of a family of another type; or NULL. A counter
 * q has a q_created there, and a reader that meets a gauge of that name refuses
 * the whole scrape. */
static const char *find_reserved_ending(const char *name, size_t len) {
  static const char *const endings[] = {"_total", "_created", "_bucket",
                                        "_count", "_sum",     "_gcount",
                                        "_gsum",  "_info"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t n = strlen(endings[i]);
    if (len >= n && memcmp(name + len - n, endings[i], n) == 0)
      return endings[i];
  }
  return NULL;
}

static void check_ending(lua_State *L, lab_metric_kind kind, const char *name) {
  size_t len = lab_metric_family_length(name);
  luaL_argcheck(L, kind == LAB_METRIC_COUNTER || name[len] == '\0', 1,
                "a gauge's name doesn't end in _total");
  const char *ending = find_reserved_ending(name, len);
  if (ending)
    luaL_argerror(L, 1,
                  lua_pushfstring(L,
                                  "a metric's name doesn't end in %s, which "
                                  "OpenMetrics keeps for parts of metrics",
                                  ending));
}

static const char *check_name(lua_State *L, lab_metric_kind kind) {
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  luaL_argcheck(L,
                len <= NAME_MAX_LEN && strlen(name) == len &&
                    lab_metric_name_is_good(name),
                1, "a metric's name is like [a-zA-Z_:][a-zA-Z0-9_:]*");
  luaL_argcheck(L, !is_taken(name), 1,
                "names that begin with go_, process_ or diaglab_, cmdline and "
                "memstats are the lab's own");
  luaL_argcheck(L, strcmp(name, "up") != 0 && strncmp(name, "scrape_", 7) != 0,
                1, "up and names that begin with scrape_ are Prometheus' own");
  check_ending(L, kind, name);
  return name;
}

static int new_metric(lua_State *L, lab_metric_kind kind, const char *class) {
  const char *name = check_name(L, kind);
  lab_vm *vm = lab_vm_of(L);
  unsigned count;
  handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->of = NULL;
  luaL_setmetatable(L, class);
  own *o = find_metric(vm, name, &count);
  if (o && (o->metric->kind != kind || strcmp(o->metric->name, name) != 0))
    return luaL_error(L, "metric '%s' would be the same as %s '%s'", name,
                      o->metric->kind == LAB_METRIC_COUNTER ? "counter"
                                                            : "gauge",
                      o->metric->name);
  if (!o && count >= METRICS_MAX)
    return luaL_error(L, "a step may have %d metrics", METRICS_MAX);
  h->of = o ? o : add_metric(vm, kind, name);
  h->of->handles++;
  return 1;
}

static int metric_counter(lua_State *L) {
  return new_metric(L, LAB_METRIC_COUNTER, COUNTER);
}

static int metric_gauge(lua_State *L) {
  return new_metric(L, LAB_METRIC_GAUGE, GAUGE);
}

static int metric_gc(lua_State *L) {
  handle *h = lua_touserdata(L, 1);
  if (!h->of)
    return 0;
  h->of->handles--;
  free_if_unused(h->of);
  h->of = NULL;
  return 0;
}

/* ---- using them ---------------------------------------------------------- */

/* The metric of argument 1; NULL when its step was left. */
static lab_metric *check_metric(lua_State *L, const char *class) {
  handle *h = luaL_checkudata(L, 1, class);
  return h->of ? h->of->metric : NULL;
}

static int counter_add(lua_State *L) {
  lab_metric *m = check_metric(L, COUNTER);
  double n = luaL_optnumber(L, 2, 1);
  luaL_argcheck(L, n >= 0 && isfinite(n), 2,
                "counter cannot decrease in value");
  luaL_argcheck(L, !m || isfinite(lab_metric_get(m) + n), 2,
                "counter would be larger than any number");
  if (m)
    lab_metric_add(m, n);
  return 0;
}

static int gauge_add(lua_State *L) {
  lab_metric *m = check_metric(L, GAUGE);
  double n = luaL_checknumber(L, 2);
  if (m)
    lab_metric_add(m, n);
  return 0;
}

static int gauge_set(lua_State *L) {
  lab_metric *m = check_metric(L, GAUGE);
  double value = luaL_checknumber(L, 2);
  if (m)
    lab_metric_set(m, value);
  return 0;
}

static const luaL_Reg counter_methods[] = {
    {"add", counter_add},
    {NULL, NULL},
};

static const luaL_Reg gauge_methods[] = {
    {"add", gauge_add},
    {"set", gauge_set},
    {NULL, NULL},
};

static const luaL_Reg metric_metamethods[] = {
    {"__gc", metric_gc},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"counter", metric_counter},
    {"gauge", metric_gauge},
    {NULL, NULL},
};

void lab_lib_metric(lua_State *L) {
  lab_lua_new_class(L, COUNTER, counter_methods, metric_metamethods);
  lab_lua_new_class(L, GAUGE, gauge_methods, metric_metamethods);
  luaL_setfuncs(L, functions, 0);
}
