/* SPDX-License-Identifier: MIT
 * /debug/vars: expvar's page, the command line and the memory statistics. */
#include <string.h>

#include "base/alloc.h"
#include "prof/memstats_format.h"
#include "web/handlers.h"

typedef struct vars {
  lab_slow slow;
  lab_buf out;
} vars;

static void write_cmdline(const lab_web_config *config, lab_buf *out) {
  lab_buf_puts(out, "\"cmdline\": [");
  for (size_t i = 0; i < config->argc; i++) {
    if (i > 0)
      lab_buf_putc(out, ',');
    lab_buf_json_string(out, config->argv[i], strlen(config->argv[i]));
  }
  lab_buf_puts(out, "]");
}

static void run(lab_slow *s) {
  vars *v = (vars *)s;
  lab_memstats stats;
  lab_memstats_read(&stats);
  lab_buf_puts(&v->out, "{\n");
  write_cmdline(&s->web->config, &v->out);
  lab_buf_puts(&v->out, ",\n\"memstats\": ");
  lab_memstats_write_json(&stats, &v->out);
  lab_buf_puts(&v->out, "\n}\n");
}

static void cleanup(lab_slow *s) {
  lab_buf_free(&((vars *)s)->out);
}

static void answer(lab_slow *s) {
  lab_http_respond_buf(s->req, 200, "application/json; charset=utf-8", NULL,
                       &((vars *)s)->out);
  lab_slow_end(s);
}

void lab_web_vars(lab_web *web, lab_http_request *req) {
  vars *v = lab_xcalloc(1, sizeof *v);
  lab_slow_begin(&v->slow, web, req, cleanup);
  lab_slow_work(&v->slow, run, answer);
}
