/* SPDX-License-Identifier: MIT
 * See collapsed.h. */
#include "web/collapsed.h"

#include <errno.h>
#include <string.h>

#include "http/query.h"
#include "http/response.h"
#include "pprof/collapsed.h"
#include "pprof/query.h"
#include "web/pack.h"
#include "web/pprof_answer.h"
#include "web/web_internal.h"

static bool is_text_wanted(const lab_http_request *req) {
  char form[16];
  return lab_http_form_get(req, "debug", form, sizeof form) > 0 &&
         (strcmp(form, "collapsed") == 0 || strcmp(form, "folded") == 0);
}

/* "" if it is missing. False: it is too long, or malformed. */
static bool read_word(const lab_http_request *req, const char *key,
                      char out[LAB_COLLAPSED_WORD]) {
  int len = lab_http_form_get(req, key, out, LAB_COLLAPSED_WORD);
  if (len == -ENOENT)
    out[0] = '\0';
  return len == -ENOENT || len >= 0;
}

bool lab_collapsed_read(lab_http_request *req, lab_collapsed *out) {
  *out = (lab_collapsed){.wanted = is_text_wanted(req), .text = LAB_BUF_INIT};
  if (!out->wanted)
    return true;
  const char *fault = NULL;
  if (!read_word(req, "sample", out->sample))
    fault = "invalid value for \"sample\" - must be a type of the profile";
  else if (!read_word(req, "label", out->label))
    fault = "invalid value for \"label\" - must be the key of a label";
  if (fault)
    lab_web_pprof_error(req, 400, fault);
  return !fault;
}

/* "There are: inuse_objects inuse_space": what could have been meant. */
static void refuse_sample(lab_collapsed *c, const lab_pprof *p) {
  lab_buf names = LAB_BUF_INIT;
  for (size_t i = 0; i < p->ntypes; i++)
    lab_buf_printf(&names, " %s", p->types[i].type);
  lab_buf_putc(&names, '\0');
  c->rc = lab_err_set(&c->err, -EINVAL,
                      "this profile has no \"sample\" of that name; there "
                      "are:%s",
                      names.data);
  lab_buf_free(&names);
}

void lab_collapsed_make(lab_collapsed *c, const lab_http_request *req,
                        const void *bytes, size_t n) {
  lab_pprof *p;
  if (!c->wanted)
    return;
  c->rc = lab_pprof_decode(&p, bytes, n, NULL, &c->err);
  if (c->rc) {
    if (c->rc == -EINVAL)
      c->rc = -EIO; /* -EINVAL is the client's fault */
    return;
  }
  size_t type = lab_pprof_type_index(p, c->sample[0] ? c->sample : NULL);
  if (type < p->ntypes)
    lab_collapsed_write(p, type, c->label[0] ? c->label : NULL, &c->text);
  else
    refuse_sample(c, p);
  lab_pprof_free(p);
  c->is_packed = c->rc == 0 && lab_pack_text(req, &c->text, &c->packed);
}

void lab_collapsed_answer(lab_collapsed *c, lab_http_request *req) {
  if (c->rc)
    lab_web_pprof_error(req, c->rc == -EINVAL ? 400 : 500, c->err.text);
  else
    lab_http_respond_buf(req, 200, LAB_WEB_TEXT,
                         c->is_packed ? LAB_PACK_IS LAB_WEB_NOSNIFF
                                      : LAB_PACK_MAY LAB_WEB_NOSNIFF,
                         c->is_packed ? &c->packed : &c->text);
}

void lab_collapsed_free(lab_collapsed *c) {
  lab_buf_free(&c->text);
  lab_buf_free(&c->packed);
}
