/* SPDX-License-Identifier: MIT
 * See options.h. A value is checked here as far as that needs nothing but the
 * value itself: such a fault is one of usage, and the exit code says so. */
#include "app/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/listen.h"
#include "base/alloc.h"
#include "base/decimal.h"
#include "diagnosis/progress.h"
#include "http/origin.h"
#include "lab_version.h"
#include "tool/tool.h"

enum {
  STEP_MAX = 9999,
  WORKERS_MAX = 1024,
  USR2_MAX = 600,
  HINT_PAUSE_MAX = 86400
};

static const double FLIGHT_MIN_NS = 1e8, FLIGHT_MAX_NS = 600e9,
                    FLIGHT_MIN_BYTES = 64 << 10, FLIGHT_MAX_BYTES = 1 << 30;

static const char help_head[] =
    "diaglab: a lab for learning to diagnose running programs\n"
    "\n"
    "Usage: diaglab [flag]...\n"
    "       diaglab COMMAND [argument]...\n"
    "\n"
    "Commands (diaglab COMMAND --help tells more)\n";

static const char help[] =
    "\n"
    "Where it listens\n"
    "  --listen ADDR           HOST:PORT, [::1]:PORT, or :PORT for all "
    "addresses\n"
    "                          of the machine; port 0 takes a free one\n"
    "                          (default localhost:6060: 127.0.0.1 and ::1)\n"
    "  --host NAME             one more name that requests may have in their\n"
    "                          Host header; repeatable\n"
    "  --check-host            check the Host header of requests from the "
    "network,\n"
    "                          too, as in a container whose port is published "
    "on\n"
    "                          127.0.0.1\n"
    "  --allow-origin ORIGIN   a web page that may read profiles and numbers, "
    "such\n"
    "                          as https://viewer.example; repeatable, or with\n"
    "                          commas; * is any (default: none)\n"
    "\n"
    "What it runs\n"
    "  --step N                begin with step N instead of 0\n"
    "  --param N.KEY=VALUE     set the parameter KEY of step N; repeatable\n"
    "  --scenarios DIR         a folder with scenarios, instead of those that\n"
    "                          come with the program; repeatable\n"
    "  --primitive FILE        a shared object with functions for scenarios:\n"
    "                          lab.primitive; repeatable\n"
    "  --workers N             threads for long work (default: one per "
    "processor\n"
    "                          that it may use, at least 2)\n"
    "\n"
    "Memory and profiles\n"
    "  --memprofile-rate BYTES the heap profile samples one allocation per\n"
    "                          BYTES allocated; 1 = all, 0 = none\n"
    "                          (default 524288)\n"
    "  --blockprofile-rate NS  the block profile counts one wait per NS\n"
    "                          nanoseconds waited; 1 = all, 0 = none\n"
    "                          (default 1)\n"
    "  --mutexprofile-fraction N\n"
    "                          the mutex profile counts one of N waits for a\n"
    "                          lock; 1 = all, 0 = none (default 1)\n"
    "  --scavenge SECONDS      idle memory goes back to the system after this\n"
    "                          time; 0 = at once, negative = never\n"
    "                          (default 300), and when a step is left\n"
    "\n"
    "  --flight TIME[,SIZE]    the flight recorder keeps what happened in the "
    "last\n"
    "                          TIME, in at most SIZE of memory, for\n"
    "                          trace?last=5s; 0 = it is off (default "
    "5s,2MiB)\n"
    "\n"
    "Other\n"
    "  --trace-events N        a trace ends after N events (default "
    "2000000)\n"
    "  --log-file FILE         append the log to FILE (default: standard "
    "error)\n"
    "  --hints SECONDS         the next hint comes so long after the last one "
    "\n"
    "                          (default 60); off: there are none\n"
    "  --state DIR             where your progress is kept; none: nowhere\n"
    "                          (default $XDG_STATE_HOME/diaglab, or\n"
    "                          ~/.local/state/diaglab)\n"
    "  --repair DIR            where your own programs of steps are, which "
    "the\n"
    "                          page checks (default repair: that is where\n"
    "                          diaglab repair N puts them)\n"
    "  --usr2-seconds N        how long the CPU profile of the signal USR2\n"
    "                          lasts (default 30)\n"
    "  --list                  print the steps with their symptoms, and exit\n"
    "  --version               print the version\n"
    "  --help                  print this\n"
    "\n"
    "Examples\n"
    "  diaglab --step 4\n"
    "  diaglab --listen :8080 --host lab.example --log-file lab.log\n"
    "  diaglab --scenarios ./mine --param 4.rounds=10\n"
    "\n"
    "Then, in another terminal:\n"
    "  curl localhost:6060/steps\n"
    "  curl 'localhost:6060/goto?step=4'\n"
    "  curl localhost:6060/\n"
    "  go tool pprof 'http://localhost:6060/debug/pprof/profile?seconds=5'\n";

enum {
  LISTEN = 1,
  HOST,
  CHECK_HOST,
  ALLOW_ORIGIN,
  STEP,
  PARAM,
  SCENARIOS,
  PRIMITIVE,
  WORKERS,
  TRACE_EVENTS,
  FLIGHT,
  MEMPROFILE_RATE,
  BLOCKPROFILE_RATE,
  MUTEXPROFILE_FRACTION,
  SCAVENGE,
  LOG_FILE,
  HINTS,
  STATE,
  REPAIR,
  USR2_SECONDS,
  LIST,
  VERSION,
  HELP,
};

static const struct option flags[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"host", required_argument, NULL, HOST},
    {"check-host", no_argument, NULL, CHECK_HOST},
    {"allow-origin", required_argument, NULL, ALLOW_ORIGIN},
    {"step", required_argument, NULL, STEP},
    {"param", required_argument, NULL, PARAM},
    {"scenarios", required_argument, NULL, SCENARIOS},
    {"primitive", required_argument, NULL, PRIMITIVE},
    {"workers", required_argument, NULL, WORKERS},
    {"trace-events", required_argument, NULL, TRACE_EVENTS},
    {"flight", required_argument, NULL, FLIGHT},
    {"memprofile-rate", required_argument, NULL, MEMPROFILE_RATE},
    {"blockprofile-rate", required_argument, NULL, BLOCKPROFILE_RATE},
    {"mutexprofile-fraction", required_argument, NULL, MUTEXPROFILE_FRACTION},
    {"scavenge", required_argument, NULL, SCAVENGE},
    {"log-file", required_argument, NULL, LOG_FILE},
    {"hints", required_argument, NULL, HINTS},
    {"state", required_argument, NULL, STATE},
    {"repair", required_argument, NULL, REPAIR},
    {"usr2-seconds", required_argument, NULL, USR2_SECONDS},
    {"list", no_argument, NULL, LIST},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {"h", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void add_string(lab_strings *list, const char *s) {
  list->items = lab_xrealloc(list->items, (list->n + 1) * sizeof *list->items);
  list->items[list->n++] = s;
}

/* ---- checks: each returns true, or prints a message ---------------------- */

static bool refuse_value(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static bool refuse_value(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("diaglab: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return false;
}

static bool take_number(const char *flag, const char *text, int64_t least,
                        int64_t most, int64_t *out) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || *end || end == text || isspace((unsigned char)*text) ||
      value < least || value > most)
    return refuse_value("--%s: \"%s\" is not a number from %lld to %lld", flag,
                        text, (long long)least, (long long)most);
  *out = value;
  return true;
}

static bool take_int(const char *flag, const char *text, int least, int most,
                     int *out) {
  int64_t value;
  if (!take_number(flag, text, least, most, &value))
    return false;
  *out = (int)value;
  return true;
}

/* N.key=value, N being a step and key an identifier. */
static bool take_param(lab_strings *list, const char *text) {
  const char *s = text;
  while (isdigit((unsigned char)*s))
    s++;
  bool good = s > text && s - text <= 4 && *s == '.' &&
              (isalpha((unsigned char)s[1]) || s[1] == '_');
  for (s += good; good && (isalnum((unsigned char)*s) || *s == '_');)
    s++;
  if (!good || *s != '=')
    return refuse_value("--param: \"%s\" is not of the form N.key=value", text);
  add_string(list, text);
  return true;
}

static bool take_address(const char **out, const char *text) {
  if (!lab_listen_is_address(text))
    return refuse_value(
        "--listen: \"%s\" is not of the form HOST:PORT, [::1]:PORT or "
        ":PORT",
        text);
  *out = text;
  return true;
}

static bool take_name(lab_strings *list, const char *text) {
  if (*text == '\0' || strpbrk(text, "/ \t"))
    return refuse_value("--host: \"%s\" is not a name", text);
  add_string(list, text);
  return true;
}

static bool take_origins(lab_strings *list, const char *text) {
  lab_http_origins origins = {0};
  lab_err err;
  int rc = lab_http_origins_add(&origins, text, &err);
  lab_http_origins_free(&origins);
  if (rc)
    return refuse_value("--allow-origin: %s", err.text);
  add_string(list, text);
  return true;
}

static bool take_scavenge(lab_options *o, const char *text) {
  return take_int("scavenge", text, INT_MIN, INT_MAX, &o->config.scavenge);
}

static bool take_hints(lab_options *o, const char *text) {
  if (strcmp(text, "off") != 0)
    return take_int("hints", text, 0, HINT_PAUSE_MAX, &o->config.hint_pause);
  o->config.hint_pause = -1;
  return true;
}

static bool take_workers(lab_options *o, const char *text) {
  int n;
  if (!take_int("workers", text, 1, WORKERS_MAX, &n))
    return false;
  o->config.workers = (unsigned)n;
  return true;
}

static bool take_trace_events(lab_options *o, const char *text) {
  int64_t n;
  if (!take_number("trace-events", text, 1, INT64_MAX, &n))
    return false;
  o->config.trace_events = (uint64_t)n;
  return true;
}

/* "5s", "500ms", "2" -> ns; below 0: it is none. Moves *TEXT behind it. */
static double read_duration(const char **text) {
  static const struct {
    const char *unit;
    double ns;
  } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"", 1e9}};
  double number = 0;
  const char *end = lab_decimal_read(*text, &number);
  for (size_t i = 0; end; i++) {
    size_t n = strlen(units[i].unit);
    if (strncmp(end, units[i].unit, n) == 0) {
      *text = end + n;
      return number * units[i].ns;
    }
  }
  return -1;
}

/* "8MiB", "512KiB", "1000000" -> bytes; below 0: it is none. */
static double read_size(const char *text) {
  static const struct {
    const char *unit;
    double bytes;
  } units[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  double number = 0;
  const char *end = lab_decimal_read(text, &number);
  for (size_t i = 0; end && i < sizeof units / sizeof *units; i++)
    if (strcmp(end, units[i].unit) == 0)
      return number * units[i].bytes;
  return -1;
}

/* TIME or TIME,SIZE. */
static bool take_flight(lab_config *c, const char *text) {
  const char *rest = text;
  double ns = read_duration(&rest), bytes = LAB_FLIGHT_BYTES;
  if (*rest == ',')
    bytes = read_size(rest + 1);
  else if (*rest)
    ns = -1;
  if (ns < 0 || ns > FLIGHT_MAX_NS || (ns > 0 && ns < FLIGHT_MIN_NS))
    return refuse_value("--flight: \"%s\" is not a time from 100ms to 600s, "
                        "such as 5s, nor 0",
                        text);
  if (bytes < FLIGHT_MIN_BYTES || bytes > FLIGHT_MAX_BYTES)
    return refuse_value("--flight: \"%s\" has no size from 64KiB to 1GiB, such "
                        "as 5s,2MiB",
                        text);
  c->flight_ns = (int64_t)ns;
  c->flight_bytes = (uint64_t)bytes;
  return true;
}

static bool take_flag(lab_options *o, int flag, const char *value) {
  switch (flag) {
  case LISTEN:
    return take_address(&o->config.listen, value);
  case HOST:
    return take_name(&o->hosts, value);
  case CHECK_HOST:
    o->config.check_host = true;
    return true;
  case ALLOW_ORIGIN:
    return take_origins(&o->origins, value);
  case STEP:
    return take_int("step", value, 0, STEP_MAX, &o->config.step);
  case PARAM:
    return take_param(&o->params, value);
  case SCENARIOS:
    add_string(&o->scenarios, value);
    return true;
  case PRIMITIVE:
    add_string(&o->primitives, value);
    return true;
  case WORKERS:
    return take_workers(o, value);
  case FLIGHT:
    return take_flight(&o->config, value);
  case TRACE_EVENTS:
    return take_trace_events(o, value);
  case MEMPROFILE_RATE:
    return take_number("memprofile-rate", value, 0, INT64_MAX,
                       &o->config.memprofile_rate);
  case BLOCKPROFILE_RATE:
    return take_number("blockprofile-rate", value, 0, INT64_MAX,
                       &o->config.blockprofile_rate);
  case MUTEXPROFILE_FRACTION:
    return take_number("mutexprofile-fraction", value, 0, INT64_MAX,
                       &o->config.mutexprofile_fraction);
  case SCAVENGE:
    return take_scavenge(o, value);
  case LOG_FILE:
    o->config.log_file = value;
    return true;
  case HINTS:
    return take_hints(o, value);
  case STATE:
    o->config.state = value;
    return true;
  case REPAIR:
    o->config.repair = value;
    return true;
  case LIST:
    o->list = true;
    return true;
  case USR2_SECONDS:
    return take_int("usr2-seconds", value, 1, USR2_MAX,
                    &o->config.usr2_seconds);
  default:
    return false; /* getopt has printed what is wrong */
  }
}

/* The folder for the progress, if none was named. */
static void choose_state(lab_options *o) {
  const char *named = o->config.state;
  if (named && strcmp(named, "none") == 0)
    o->config.state = NULL;
  else if (!named && lab_progress_find_folder(o->state))
    o->config.state = o->state;
}

/* As it is told to students, who may be in another folder: from the root on. */
static void choose_repair(lab_options *o) {
  char here[PATH_MAX];
  const char *named = o->config.repair ? o->config.repair : "repair";
  bool is_whole = *named == '/' || !getcwd(here, sizeof here);
  snprintf(o->repair, sizeof o->repair, "%s%s%s", is_whole ? "" : here,
           is_whole ? "" : "/", named);
  o->config.repair = o->repair;
}

/* ---- the whole ----------------------------------------------------------- */

static void print_information(int flag) {
  if (flag == VERSION) {
    puts("diaglab " LAB_VERSION);
    return;
  }
  fputs(help_head, stdout);
  lab_tool_list(stdout);
  fputs(help, stdout);
}

static void refuse_argument(const char *word) {
  const lab_tool *meant = lab_tool_find_nearest(word);
  if (meant)
    refuse_value("unexpected argument \"%s\"; did you mean \"%s\"?", word,
                 meant->name);
  else
    refuse_value("unexpected argument \"%s\"", word);
}

static lab_options_result parse_flags(lab_options *o, int argc, char **argv) {
  int flag;
  optind = 0; /* from the beginning, also the second time */
  while ((flag = getopt_long_only(argc, argv, "+", flags, NULL)) != -1) {
    if (flag == HELP || flag == VERSION) {
      print_information(flag);
      return LAB_OPTIONS_DONE;
    }
    if (!take_flag(o, flag, optarg))
      return LAB_OPTIONS_WRONG;
  }
  if (optind < argc) {
    refuse_argument(argv[optind]);
    return LAB_OPTIONS_WRONG;
  }
  return o->list ? LAB_OPTIONS_LIST : LAB_OPTIONS_RUN;
}

lab_options_result lab_options_parse(lab_options *out, int argc, char **argv) {
  *out = (lab_options){0};
  lab_config *config = &out->config;
  lab_config_init(config);
  lab_options_result result = parse_flags(out, argc, argv);
  choose_state(out);
  choose_repair(out);
  config->hosts = out->hosts.items;
  config->nhosts = out->hosts.n;
  config->origins = out->origins.items;
  config->norigins = out->origins.n;
  config->scenarios = out->scenarios.items;
  config->nscenarios = out->scenarios.n;
  config->primitives = out->primitives.items;
  config->nprimitives = out->primitives.n;
  config->params = out->params.items;
  config->nparams = out->params.n;
  if (result == LAB_OPTIONS_WRONG)
    fputs("Try \"diaglab --help\".\n", stderr);
  return result;
}

void lab_options_free(lab_options *o) {
  lab_xfree(o->hosts.items);
  lab_xfree(o->origins.items);
  lab_xfree(o->scenarios.items);
  lab_xfree(o->primitives.items);
  lab_xfree(o->params.items);
}
