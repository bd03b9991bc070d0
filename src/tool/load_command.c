/* SPDX-License-Identifier: MIT
 * See load_command.h. The result goes to standard output, all else to standard
 * error. */
#include "tool/load_command.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/plain.h"
#include "base/process.h"
#include "http/url.h"
#include "kit/step_load.h"
#include "load/load.h"
#include "load/report.h"

enum {
  DEFAULT_SECONDS = 5,
  STEP_MAX = 9999,
  PROGRESS_MS = 200,       /* on a terminal */
  PLAIN_PROGRESS_MS = 1000 /* elsewhere */
};

#define DEFAULT_URL "http://localhost:6060"

static const char help[] =
    "diaglab load: send requests to an HTTP server and measure the answers\n"
    "\n"
    "Usage: diaglab load [URL] [flag]...\n"
    "       diaglab load --step N [HOST:PORT] [flag]...\n"
    "\n"
    "URL is http://HOST:PORT/PATH, or only /PATH of the lab on this machine\n"
    "(default http://localhost:6060/). {n} in it becomes the request's "
    "number.\n"
    "\n"
    "A step's load\n"
    "  --step N        send the load with which step N shows its symptom: the "
    "lab\n"
    "                  says which, and must be in that step. Flags of the next "
    "group\n"
    "                  change it.\n"
    "\n"
    "How many\n"
    "  --requests N    end after N requests\n"
    "  --seconds S     send no more after S seconds (default 5, without\n"
    "                  --requests)\n"
    "  --clients N     so many at the same time, on connections that are kept\n"
    "                  (default 1)\n"
    "  --rate R        R requests per second in all. A latency counts from "
    "when\n"
    "                  its request was due, also if no client was free then.\n"
    "                  Without it, a client sends the next request as soon as "
    "it\n"
    "                  has the last answer.\n"
    "  --timeout S     wait S seconds for an answer (default 10)\n"
    "\n"
    "What\n"
    "  --method M      GET, or POST with a body, unless told\n"
    "  --body TEXT     the body; @FILE is what is in FILE, @- standard input\n"
    "  --header H      one more header, \"Name: value\"; repeatable\n"
    "\n"
    "Other\n"
    "  --json          print the result as JSON\n"
    "  --quiet         don't tell how far it is\n"
    "  --help          print this\n"
    "\n"
    "Exit codes: 0 all were answered with 2xx or 3xx, 1 some were not, or the\n"
    "step has no load, 2 wrong usage, 130 interrupted (Ctrl-C prints what was "
    "seen\n"
    "so far)\n"
    "\n"
    "Examples\n"
    "  diaglab load --requests 100\n"
    "  diaglab load --seconds 10 --clients 8 --rate 200 /\n"
    "  diaglab load --step 5\n"
    "  diaglab load --method POST --body @order.json "
    "localhost:6060/orders/{n}\n";

typedef struct load_options {
  lab_load_plan plan;
  lab_buf url, path, headers, body;
  bool is_json, is_quiet;
  int step;               /* -1: none was given */
  lab_step_load *of_step; /* or what it asks for */
} load_options;

enum {
  STEP = 1,
  REQUESTS,
  SECONDS,
  CLIENTS,
  RATE,
  TIMEOUT,
  METHOD,
  BODY,
  HEADER,
  JSON,
  QUIET,
  HELP,
};

static const struct option load_flags[] = {
    {"step", required_argument, NULL, STEP},
    {"requests", required_argument, NULL, REQUESTS},
    {"seconds", required_argument, NULL, SECONDS},
    {"clients", required_argument, NULL, CLIENTS},
    {"rate", required_argument, NULL, RATE},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"method", required_argument, NULL, METHOD},
    {"body", required_argument, NULL, BODY},
    {"header", required_argument, NULL, HEADER},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, HELP},
    {"h", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* ---- options: each returns true, or prints a message -----------------------
 */

static bool refuse_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* It may have a part of what a server says. */
static bool refuse_usage(const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fputs("diaglab load: ", stderr);
  lab_plain_print(stderr, text);
  fputc('\n', stderr);
  return false;
}

/* A number above 0. */
static bool take_positive(const char *flag, const char *text, double most,
                          double *out) {
  double value = 0;
  const char *end = lab_decimal_read(text, &value);
  if (!end || *end || !(value > 0 && value <= most))
    return refuse_usage("--%s: \"%s\" is not a number above 0, at most %.10g",
                        flag, text, most);
  *out = value;
  return true;
}

static bool take_whole(const char *flag, const char *text, double most,
                       uint64_t *out) {
  double value;
  if (!take_positive(flag, text, most, &value))
    return false;
  if (value != floor(value))
    return refuse_usage("--%s: \"%s\" is not a whole number", flag, text);
  *out = (uint64_t)value;
  return true;
}

static bool take_time(const char *flag, const char *text, uint64_t *ns) {
  double seconds;
  if (!take_positive(flag, text, 86400, &seconds))
    return false;
  *ns = lab_load_plan_ns(seconds);
  return true;
}

static bool read_body(const char *path, lab_buf *out) {
  bool is_stdin = strcmp(path, "-") == 0;
  FILE *f = is_stdin ? stdin : fopen(path, "rb");
  if (!f)
    return refuse_usage("--body: %s: %s", path, strerror(errno));
  size_t n;
  do {
    n = fread(lab_buf_reserve(out, 65536), 1, 65536, f);
    out->len += n;
  } while (n > 0);
  bool is_bad = ferror(f);
  if (!is_stdin)
    fclose(f);
  return !is_bad || refuse_usage("--body: %s can't be read", path);
}

static bool take_body(load_options *o, const char *text) {
  lab_buf_clear(&o->body);
  if (*text == '@')
    return read_body(text + 1, &o->body);
  lab_buf_puts(&o->body, text);
  return true;
}

static bool take_clients(load_options *o, const char *text) {
  uint64_t n;
  if (!take_whole("clients", text, LAB_LOAD_CLIENTS_MAX, &n))
    return false;
  o->plan.clients = (unsigned)n;
  return true;
}

static bool take_step_number(load_options *o, const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || n > STEP_MAX)
    return refuse_usage("--step: \"%s\" is not a number from 0 to %d", text,
                        STEP_MAX);
  o->step = (int)n;
  return true;
}

static bool take_load_flag(load_options *o, int flag, const char *value) {
  switch (flag) {
  case STEP:
    return take_step_number(o, value);
  case REQUESTS:
    return take_whole("requests", value, 1e12, &o->plan.requests);
  case SECONDS:
    return take_time("seconds", value, &o->plan.duration_ns);
  case CLIENTS:
    return take_clients(o, value);
  case RATE:
    return take_positive("rate", value, 1e6, &o->plan.rate);
  case TIMEOUT:
    return take_time("timeout", value, &o->plan.timeout_ns);
  case METHOD:
    o->plan.method = value;
    return true;
  case BODY:
    return take_body(o, value);
  case HEADER:
    lab_buf_printf(&o->headers, "%s\r\n", value);
    return true;
  case JSON:
    return o->is_json = true;
  case QUIET:
    return o->is_quiet = true;
  default:
    return false; /* getopt has printed what is wrong */
  }
}

/* Splits what the user calls the URL: the scheme may be missing, and for the
 * lab on this machine also the host. */
static bool take_url(load_options *o, const char *text) {
  lab_http_url url;
  if (!*text || *text == '/')
    lab_buf_puts(&o->url, DEFAULT_URL);
  else if (!strstr(text, "://"))
    lab_buf_puts(&o->url, *text == ':' ? "http://localhost" : "http://");
  lab_buf_printf(&o->url, "%s%c", text, '\0');
  const char *wrong = lab_http_url_split(&url, o->url.data);
  if (wrong)
    return refuse_usage("%s: %s", text, wrong);
  lab_buf_printf(&o->path, "%s%.*s%c", *url.target == '/' ? "" : "/",
                 (int)url.target_len, url.target, '\0');
  return true;
}

/* Texts of the plan that are in buffers, once these don't move any more. */
static void complete_plan(load_options *o) {
  lab_load_plan *plan = &o->plan;
  lab_buf_putc(&o->headers, '\0');
  plan->headers = o->headers.data;
  plan->path = o->path.data;
  plan->body = o->body.data;
  plan->body_len = o->body.len;
  if (!plan->requests && !plan->duration_ns)
    plan->duration_ns = DEFAULT_SECONDS * LAB_SECOND;
}

/* ---- a step's load ---------------------------------------------------------
 */

/* Asks the lab; *CODE is 1 if it has no such load. */
static bool ask_for_step(load_options *o, int *code) {
  lab_err err;
  o->url.len = strlen(o->url.data);
  if (o->url.data[o->url.len - 1] == '/')
    o->url.data[--o->url.len] = '\0';
  o->of_step = lab_step_load_ask(o->url.data, o->step, &err);
  if (o->of_step)
    return true;
  *code = 1;
  return refuse_usage("%s", err.text);
}

/* The lesson's load, but for what the command line says. */
static void merge_step_plan(load_options *o) {
  const lab_load_plan own = o->plan;
  lab_load_plan *plan = lab_step_load_plan(o->of_step);
  if (own.requests || own.duration_ns) {
    plan->requests = own.requests;
    plan->duration_ns = own.duration_ns;
  }
  if (own.clients)
    plan->clients = own.clients;
  if (own.rate > 0)
    plan->rate = own.rate;
  if (own.timeout_ns)
    plan->timeout_ns = own.timeout_ns;
  o->plan = *plan;
}

static bool take_step_plan(load_options *o, int *code) {
  if (strcmp(o->path.data, "/") != 0)
    return refuse_usage("--step: the lesson says which path: give HOST:PORT");
  if (o->plan.method || o->body.len || o->headers.len)
    return refuse_usage("--step: the lesson says what is sent: no --method, "
                        "--body or --header");
  if (!ask_for_step(o, code))
    return false;
  merge_step_plan(o);
  lab_buf_printf(&o->url, "%s%c", o->plan.path, '\0');
  if (!o->is_quiet)
    lab_plain_print(stderr, lab_step_load_about(o->of_step));
  return true;
}

/* True, or *CODE is the exit code. */
static bool parse_load(load_options *o, int argc, char **argv, int *code) {
  int flag;
  lab_err err;
  *code = 2;
  optind = 0;
  while ((flag = getopt_long_only(argc, argv, "", load_flags, NULL)) != -1) {
    if (flag == HELP) {
      fputs(help, stdout);
      *code = 0;
      return false;
    }
    if (!take_load_flag(o, flag, optarg))
      return false;
  }
  if (optind + 1 < argc)
    return refuse_usage("unexpected argument \"%s\"", argv[optind + 1]);
  if (!take_url(o, optind < argc ? argv[optind] : ""))
    return false;
  if (o->step < 0)
    complete_plan(o);
  else if (!take_step_plan(o, code))
    return false;
  return lab_load_plan_check(&o->plan, &err) == 0 ||
         refuse_usage("%s", err.text);
}

/* ---- running ---------------------------------------------------------------
 */

typedef struct load_run {
  const load_options *options;
  lab_load *load; /* NULL once it is done */
  uv_loop_t loop;
  uv_signal_t signals[2];
  bool is_terminal; /* standard error is */
  bool is_on_line;  /* a line of progress is to be written over */
  int code;
} load_run;

static void clear_progress(load_run *run) {
  if (run->is_on_line)
    fputs("\r\033[K", stderr);
  run->is_on_line = false;
}

static void on_load_so_far(void *arg, const lab_load_result *so_far) {
  load_run *run = arg;
  lab_buf line = LAB_BUF_INIT;
  clear_progress(run);
  lab_load_report_line(so_far, &line);
  fprintf(stderr, "%.*s%s", (int)line.len, line.data,
          run->is_terminal ? "" : "\n");
  run->is_on_line = run->is_terminal;
  lab_buf_free(&line);
}

static void on_load_done(void *arg, const lab_load_result *result) {
  load_run *run = arg;
  lab_buf out = LAB_BUF_INIT;
  run->load = NULL;
  clear_progress(run);
  if (run->options->is_json)
    lab_load_report_json(result, run->options->url.data, &out);
  else
    lab_load_report_text(result, run->options->url.data, &out);
  lab_buf_putc(&out, '\0');
  lab_plain_print(stdout, out.data); /* the path may be a lesson's */
  lab_buf_free(&out);
  bool is_good = result->sent > 0 && lab_load_count_failed(result) == 0;
  run->code = result->cancelled ? 130 : is_good ? 0 : 1;
  for (int i = 0; i < 2; i++)
    uv_close((uv_handle_t *)&run->signals[i], NULL);
}

static void on_load_signal(uv_signal_t *handle, int number) {
  load_run *run = handle->data;
  (void)number;
  if (run->load)
    lab_load_cancel(run->load);
  uv_signal_stop(handle); /* a second one ends the process at once */
}

static void watch_load_signals(load_run *run) {
  static const int numbers[] = {SIGINT, SIGTERM};
  for (int i = 0; i < 2; i++) {
    uv_signal_init(&run->loop, &run->signals[i]);
    run->signals[i].data = run;
    uv_signal_start(&run->signals[i], on_load_signal, numbers[i]);
  }
}

static uint64_t choose_progress(const load_run *run) {
  if (run->options->is_quiet)
    return 0;
  return run->is_terminal ? PROGRESS_MS : PLAIN_PROGRESS_MS;
}

static int run_load(const load_options *options) {
  load_run run = {
      .options = options, .is_terminal = isatty(STDERR_FILENO), .code = 2};
  lab_err err;
  int rc = uv_loop_init(&run.loop);
  if (rc) {
    fprintf(stderr, "diaglab load: %s\n", uv_strerror(rc));
    return 1;
  }
  lab_load_config config = {.url = options->url.data,
                            .plan = &options->plan,
                            .progress_ms = choose_progress(&run),
                            .progress = on_load_so_far,
                            .done = on_load_done,
                            .arg = &run};
  run.load = lab_load_begin(&run.loop, &config, &err);
  if (run.load) {
    watch_load_signals(&run);
    uv_run(&run.loop, UV_RUN_DEFAULT);
  } else {
    refuse_usage("%s", err.text);
  }
  uv_loop_close(&run.loop);
  return run.code;
}

int lab_load_command(int argc, char **argv) {
  static char name[] = "diaglab load";
  load_options o = {.url = LAB_BUF_INIT, .step = -1};
  int code;
  argv[0] = name; /* getopt's messages begin with it */
  signal(SIGPIPE, SIG_IGN);
  lab_process_raise_fds();
  if (parse_load(&o, argc, argv, &code))
    code = run_load(&o);
  else if (code == 2)
    fputs("Try \"diaglab load --help\".\n", stderr);
  if (!lab_plain_flush(stdout)) {
    fputs("diaglab load: couldn't print all of it\n", stderr);
    code = code == 0 ? 1 : code;
  }
  lab_buf *const buffers[] = {&o.url, &o.path, &o.headers, &o.body};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
    lab_buf_free(buffers[i]);
  lab_step_load_free(o.of_step);
  return code;
}
