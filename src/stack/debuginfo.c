/* SPDX-License-Identifier: MIT
 * See debuginfo.h.
 *
 * An address lies in a chain of scopes: blocks, inlined calls, and at the end
 * the function itself. After the first inlined call, dwarf_getscopes goes on
 * with the scopes around the place where the inlined function was written, but
 * we need those around the place where it was called. So the chain is read
 * again with dwarf_getscopes_die, which starts at that call. */
#include "stack/debuginfo.h"

#include <dwarf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/source_tree.h"
#include "stack/intern.h"
#include "stack/libdw.h"

static const char *intern_name(const char *s) {
  return s ? lab_intern_text(s) : "";
}

/* FILE as an absolute path. That of a relative one is in our source tree, if
 * that is there: source_tree.h. */
static const char *intern_path(const char *file) {
  const char *tree = lab_source_tree();
  if (!file || file[0] == '/')
    return intern_name(file);
  while (strncmp(file, "./", 2) == 0)
    file += 2;
  char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s%s%s", tree, *tree ? "/" : "", file);
  return intern_name(path);
}

/* The compilation unit that contains PC. If there is no address table (clang
 * writes none), all units are searched. */
static Dwarf_Die *find_unit(Dwfl_Module *m, uintptr_t pc, Dwarf_Addr *bias) {
  Dwarf_Die *unit = lab_dw.dwfl_module_addrdie(m, pc, bias);
  if (unit)
    return unit;
  while ((unit = lab_dw.dwfl_module_nextcu(m, unit, bias)))
    if (lab_dw.dwarf_haspc(unit, pc - *bias) == 1)
      return unit;
  return NULL;
}

/* The scopes at PC, innermost first, as they are nested in the machine code.
 * The caller frees *SCOPES if the result is positive. */
static int find_scopes(Dwarf_Die *unit, Dwarf_Addr pc, Dwarf_Die **scopes) {
  int n = lab_dw.dwarf_getscopes(unit, pc, scopes);
  for (int i = 0; i < n; i++) {
    int tag = lab_dw.dwarf_tag(&(*scopes)[i]);
    if (tag == DW_TAG_subprogram)
      break;
    if (tag != DW_TAG_inlined_subroutine)
      continue;
    Dwarf_Die call = (*scopes)[i];
    free(*scopes);
    *scopes = NULL;
    return lab_dw.dwarf_getscopes_die(&call, scopes);
  }
  return n;
}

static unsigned get_number(Dwarf_Die *die, unsigned name) {
  Dwarf_Attribute attr;
  Dwarf_Word value = 0;
  lab_dw.dwarf_formudata(lab_dw.dwarf_attr(die, name, &attr), &value);
  return (unsigned)value;
}

static int get_definition_line(Dwarf_Die *die) {
  int line = 0;
  lab_dw.dwarf_decl_line(die, &line);
  return line;
}

/* The line of definition, or 0 if it isn't in FILE: some compilers name the
 * line of a declaration in a header instead. */
static int get_start_line(Dwarf_Die *die, const char *file) {
  const char *where = lab_dw.dwarf_decl_file(die);
  return where && file && strcmp(where, file) == 0 ? get_definition_line(die)
                                                   : 0;
}

static bool is_function(Dwarf_Die *die) {
  int tag = lab_dw.dwarf_tag(die);
  return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

size_t lab_debuginfo_lookup(Dwfl_Module *m, uintptr_t pc,
                            lab_symbol out[LAB_SYMBOL_INLINES]) {
  Dwarf_Addr bias;
  Dwarf_Die *unit = find_unit(m, pc, &bias), *scopes = NULL;
  int count = unit ? find_scopes(unit, pc - bias, &scopes) : 0;
  Dwarf_Files *files = NULL;
  size_t nfiles = 0, n = 0;
  if (count > 0)
    lab_dw.dwarf_getsrcfiles(unit, &files, &nfiles);
  int line = 0;
  Dwarf_Line *at = count > 0 ? lab_dw.dwarf_getsrc_die(unit, pc - bias) : NULL;
  const char *file = at ? lab_dw.dwarf_linesrc(at, NULL, NULL) : "";
  if (at)
    lab_dw.dwarf_lineno(at, &line);
  for (int i = 0; i < count && n < LAB_SYMBOL_INLINES; i++) {
    if (!is_function(&scopes[i]) || !lab_dw.dwarf_diename(&scopes[i]))
      continue;
    /* The compiler may move code of an inlined function out of the range that
     * it names for that one: then the line is before this function. */
    int start = get_start_line(&scopes[i], file);
    out[n++] =
        (lab_symbol){.name = intern_name(lab_dw.dwarf_diename(&scopes[i])),
                     .file = intern_path(file),
                     .line = line > 0 && line < start ? start : line,
                     .start_line = start};
    if (lab_dw.dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
      break;
    /* The next function is at the place where this one was called. */
    unsigned number = get_number(&scopes[i], DW_AT_call_file);
    file = files ? lab_dw.dwarf_filesrc(files, number, NULL, NULL) : NULL;
    line = (int)get_number(&scopes[i], DW_AT_call_line);
  }
  if (count > 0)
    free(scopes);
  return n;
}

const char *lab_debuginfo_definition(Dwfl_Module *m, uintptr_t pc, int *line) {
  Dwarf_Addr bias;
  Dwarf_Die *unit = find_unit(m, pc, &bias), *scopes = NULL;
  int count = unit ? lab_dw.dwarf_getscopes(unit, pc - bias, &scopes) : 0;
  const char *file = "";
  *line = 0;
  for (int i = 0; i < count; i++) {
    if (lab_dw.dwarf_tag(&scopes[i]) != DW_TAG_subprogram)
      continue;
    *line = get_definition_line(&scopes[i]);
    file = intern_path(lab_dw.dwarf_decl_file(&scopes[i]));
    break;
  }
  if (count > 0)
    free(scopes);
  return file;
}
