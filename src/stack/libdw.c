/* SPDX-License-Identifier: MIT
 * See libdw.h. */
#include "stack/libdw.h"

#include <dlfcn.h>
#include <string.h>

#include "base/log.h"

lab_dw_calls lab_dw;

static bool find_dw_function(void *library, const char *name, void *pointer) {
  void *found = dlsym(library, name);
  memcpy(pointer, &found, sizeof found); /* C has no cast for this */
  return found != NULL;
}

/* libdw needs libelf, so one handle finds the functions of both. */
static bool load_libdw(void) {
  void *library = dlopen("libdw.so.1", RTLD_NOW);
  bool found = library != NULL;
#define FIND(name)                                                             \
  found = found && find_dw_function(library, #name, &lab_dw.name);
  LAB_DW_FUNCTIONS(FIND)
#undef FIND
  if (!found)
    lab_log("Profiles have no names of libraries' functions, and no lines of C "
            "code: %s",
            dlerror());
  return found;
}

bool lab_dw_load(void) {
  static bool tried, loaded;
  if (!tried)
    loaded = load_libdw();
  tried = true;
  return loaded;
}
