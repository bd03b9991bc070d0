/* SPDX-License-Identifier: MIT
 * See index.h. The page looks like Go's. */
#include "web/index.h"

#include <string.h>

#include "prof/registry.h"
#include "web/web_internal.h"

typedef struct row {
  const char *name;
  const char *description;
  size_t count;
} row;

/* What the page lists and the registry doesn't, in the order of names. */
static const row others[] = {
    {"cmdline", "The command line invocation of the current program", 0},
    {"profile",
     "CPU profile. You can specify the duration in the seconds GET parameter. "
     "After you get the profile file, use the go tool pprof command to "
     "investigate the profile.",
     0},
    {"trace",
     "A trace of execution of the current program. You can specify the "
     "duration in the seconds GET parameter. After you get the trace file, "
     "use the go tool trace command to investigate the trace.",
     0},
    {"wall",
     "Where tasks spent their time, on the CPU and off it (waiting). You can "
     "specify the duration in the seconds GET parameter.",
     0},
};
enum { OTHERS = sizeof others / sizeof *others };
enum { ROWS = OTHERS + LAB_REGISTRY_MAX };

static row make_row(const lab_profile_kind *kind) {
  return (row){kind->name, kind->description, kind->count(kind)};
}

/* Merges the N KINDS and the others by name; returns how many rows there are.
 */
static size_t collect_rows(const lab_profile_kind *const *kinds, size_t nkinds,
                           row out[ROWS]) {
  size_t n = 0, i = 0, j = 0;
  while (i < nkinds || j < OTHERS) {
    bool first = i < nkinds &&
                 (j == OTHERS || strcmp(kinds[i]->name, others[j].name) < 0);
    out[n++] = first ? make_row(kinds[i++]) : others[j++];
  }
  return n;
}

static const char head[] = "<html>\n"
                           "<head>\n"
                           "<title>/debug/pprof/</title>\n"
                           "<style>\n"
                           ".profile-name{\n"
                           "\tdisplay:inline-block;\n"
                           "\twidth:6rem;\n"
                           "}\n"
                           "</style>\n"
                           "</head>\n"
                           "<body>\n"
                           "/debug/pprof/<br>\n"
                           "<br>\n"
                           "Types of profiles available:\n"
                           "<table>\n"
                           "<thead><td>Count</td><td>Profile</td></thead>\n";

static void write_index_page(const row *rows, size_t n, bool has_page,
                             lab_buf *out) {
  lab_buf_puts(out, head);
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(
        out, "<tr><td>%zu</td><td><a href='%s?debug=1'>%s</a></td></tr>\n",
        rows[i].count, rows[i].name, rows[i].name);
  lab_buf_puts(out, "</table>\n");
  lab_buf_puts(out, "<a href=\"goroutine?debug=2\">full goroutine stack "
                    "dump</a>\n");
  lab_buf_puts(out, "<br>\n<a href=\"/steps\">steps of this lab</a>\n");
  if (has_page)
    lab_buf_puts(out, "<br>\n<a href=\"/lab/\">page of this lab</a>\n");
  lab_buf_puts(out, "<br>\n<p>\nProfile Descriptions:\n<ul>\n");
  for (size_t i = 0; i < n; i++)
    lab_buf_printf(out, "<li><div class=profile-name>%s: </div> %s</li>\n",
                   rows[i].name, rows[i].description);
  lab_buf_puts(out, "</ul>\n</p>\n</body>\n</html>");
}

void lab_web_index(lab_web *web, lab_http_request *req) {
  lab_buf page = LAB_BUF_INIT;
  row rows[ROWS];
  const lab_profile_kind *kinds[LAB_REGISTRY_MAX];
  size_t nkinds = lab_registry_list(kinds);
  size_t n = collect_rows(kinds, nkinds, rows);
  write_index_page(rows, n, web->page.answer != NULL, &page);
  for (size_t i = 0; i < nkinds; i++)
    lab_registry_release(kinds[i]);
  lab_http_respond_buf(req, 200, "text/html; charset=utf-8", LAB_WEB_NOSNIFF,
                       &page);
}

void lab_web_cmdline(lab_web *web, lab_http_request *req) {
  lab_buf out = LAB_BUF_INIT;
  for (size_t i = 0; i < web->config.argc; i++) {
    if (i > 0)
      lab_buf_putc(&out, '\0');
    lab_buf_puts(&out, web->config.argv[i]);
  }
  lab_http_respond_buf(req, 200, LAB_WEB_TEXT, LAB_WEB_NOSNIFF, &out);
}
