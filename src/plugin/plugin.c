/* SPDX-License-Identifier: MIT
 * See plugin.h. */
#include "plugin/plugin.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "plugin/object_file.h"
#include "stack/codemap.h"

enum { NAME_MAX_LEN = 31, FUNCTIONS_MAX = 256 };

/* A file that was compiled earlier has these. Who changes one of them raises
 * LAB_PRIMITIVE_ABI. */
_Static_assert(LAB_PRIMITIVE_ABI == 1 && sizeof(lab_primitive) == 32 &&
                   sizeof(lab_primitive_function) == 24 &&
                   sizeof(lab_primitive_work) == 32,
               "the structs of primitive.h are as in version 1");

static struct {
  lab_plugin *list;
  size_t n;
} plugins;

/* ---- checks -------------------------------------------------------------- */

static bool is_plain_name(const char *name) {
  size_t n = name ? strnlen(name, NAME_MAX_LEN + 1) : 0;
  bool plain = n > 0 && n <= NAME_MAX_LEN && !isdigit((unsigned char)*name);
  for (size_t i = 0; plain && i < n; i++)
    plain = isalnum((unsigned char)name[i]) || name[i] == '_';
  return plain;
}

static int check_function_name(const lab_primitive_function *list, size_t i,
                               lab_err *err) {
  if (!is_plain_name(list[i].name))
    return lab_err_set(err, -EINVAL,
                       "function %zu has no good name: a name has letters, "
                       "digits and _, at most %d",
                       i + 1, NAME_MAX_LEN);
  if (!list[i].call)
    return lab_err_set(err, -EINVAL, "the function %s has no code",
                       list[i].name);
  for (size_t k = 0; k < i; k++)
    if (strcmp(list[k].name, list[i].name) == 0)
      return lab_err_set(err, -EINVAL, "two functions are called %s",
                         list[i].name);
  return 0;
}

static int check_functions(const lab_primitive_function *list, lab_err *err) {
  int rc = 0;
  size_t i = 0;
  for (; rc == 0 && list && i < FUNCTIONS_MAX && list[i].name; i++)
    rc = check_function_name(list, i, err);
  if (rc == 0 && i == FUNCTIONS_MAX)
    rc = lab_err_set(err, -EINVAL,
                     "its list of functions has no end (NULL) within %d",
                     FUNCTIONS_MAX);
  return rc;
}

static const char *describe_file(const lab_plugin *p) {
  return p->file ? p->file : "this program";
}

static int check_primitive_name(const lab_primitive *primitive, lab_err *err) {
  if (!is_plain_name(primitive->name))
    return lab_err_set(err, -EINVAL,
                       "it has no good name: a name has letters, digits and _, "
                       "at most %d",
                       NAME_MAX_LEN);
  for (size_t i = 0; i < plugins.n; i++)
    if (strcmp(plugins.list[i].primitive->name, primitive->name) == 0)
      return lab_err_set(err, -EEXIST, "%s has a primitive called %s, too",
                         describe_file(&plugins.list[i]), primitive->name);
  return 0;
}

/* Of a wrong version nothing but the number is read. */
static int check_primitive(const lab_primitive *primitive, lab_err *err) {
  if (primitive->abi != LAB_PRIMITIVE_ABI)
    return lab_err_set(
        err, -EPROTO,
        "it was compiled for version %u of diaglab/primitive.h, and this "
        "program has version %d: compile it again with the header of this one",
        (unsigned)primitive->abi, LAB_PRIMITIVE_ABI);
  int rc = check_primitive_name(primitive, err);
  return rc ? rc : check_functions(primitive->functions, err);
}

/* ---- the list ------------------------------------------------------------ */

static int list_primitive(const lab_primitive *primitive, const char *file,
                          lab_err *err) {
  int rc = check_primitive(primitive, err);
  if (rc == 0 && (rc = lab_codemap_add(primitive)) < 0)
    lab_err_set(err, rc, "there is only room for %d shared objects",
                LAB_CODEMAP_LOADED);
  if (rc)
    return rc;
  plugins.list =
      lab_xrealloc(plugins.list, (plugins.n + 1) * sizeof *plugins.list);
  plugins.list[plugins.n++] =
      (lab_plugin){primitive, file ? lab_xstrdup(file) : NULL};
  return 0;
}

size_t lab_plugin_list(const lab_plugin **out) {
  *out = plugins.list;
  return plugins.n;
}

uint64_t lab_plugin_mark(void) {
  uint64_t mark = plugins.n;
  for (size_t i = 0; i < plugins.n; i++) {
    const char *name = plugins.list[i].primitive->name;
    mark = lab_hash_bytes(name, strlen(name), mark);
  }
  return mark;
}

void lab_plugin_clear(void) {
  for (size_t i = 0; i < plugins.n; i++)
    lab_xfree(plugins.list[i].file);
  lab_xfree(plugins.list);
  plugins.list = NULL;
  plugins.n = 0;
}

/* ---- loading ------------------------------------------------------------- */

/* What the dynamic linker says, without the path, which we say. */
static const char *get_loader_text(const char *path) {
  const char *text = dlerror();
  size_t n = strlen(path);
  if (!text)
    return "the dynamic linker doesn't say why";
  bool named = strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0;
  return named ? text + n + 2 : text;
}

/* A second Lua would work on the lab's states with other structures. */
static bool has_own_lua(void *handle) {
  void *found = dlsym(handle, "lua_pcallk");
  return found && found != dlsym(RTLD_DEFAULT, "lua_pcallk");
}

static int list_loaded(void *handle, const char *file, lab_err *err) {
  const lab_primitive *entry = dlsym(handle, "lab_primitive_entry");
  if (has_own_lua(handle))
    return lab_err_set(err, -EINVAL,
                       "it brings a Lua of its own: link it without Lua");
  if (!entry)
    return lab_err_set(err, -ENOENT,
                       "it has no lab_primitive_entry: LAB_PRIMITIVE_ENTRY in "
                       "diaglab/primitive.h makes one");
  return list_primitive(entry, file, err);
}

static int load_object(const char *path, const char *file, lab_err *err) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return lab_err_set(err, -ENOEXEC, "%s", get_loader_text(path));
  int rc = list_loaded(handle, file, err);
  if (rc)
    dlclose(handle);
  return rc;
}

int lab_plugin_load(const char *file, lab_err *err) {
  char path[PATH_MAX]; /* with a slash: the linker must not search for it */
  lab_err why;
  int rc = lab_object_file_check(file, path, &why);
  if (rc == 0)
    rc = load_object(path, file, &why);
  if (rc)
    lab_err_set(err, rc, "can't load the primitive %s: %s", file, why.text);
  return rc;
}

int lab_plugin_add(const lab_primitive *primitive, lab_err *err) {
  lab_err why;
  int rc = list_primitive(primitive, NULL, &why);
  if (rc)
    lab_err_set(err, rc, "can't use a primitive of this program: %s", why.text);
  return rc;
}
