/* SPDX-License-Identifier: MIT
 * libdw and libelf, which read debug information. They are loaded when the
 * first profile needs names: with what they load themselves they take a
 * millisecond at start and half a megabyte of memory, and most processes need
 * neither.
 *
 * Internal to src/stack. Threads: under the lock of symbols.c. */
#ifndef LAB_STACK_LIBDW_H
#define LAB_STACK_LIBDW_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdbool.h>

/* The functions of theirs that the lab calls. */
#define LAB_DW_FUNCTIONS(F)                                                    \
  F(dwarf_attr)                                                                \
  F(dwarf_decl_file)                                                           \
  F(dwarf_decl_line)                                                           \
  F(dwarf_diename)                                                             \
  F(dwarf_filesrc)                                                             \
  F(dwarf_formudata)                                                           \
  F(dwarf_getscopes)                                                           \
  F(dwarf_getscopes_die)                                                       \
  F(dwarf_getsrc_die)                                                          \
  F(dwarf_getsrcfiles)                                                         \
  F(dwarf_haspc)                                                               \
  F(dwarf_lineno)                                                              \
  F(dwarf_linesrc)                                                             \
  F(dwarf_tag)                                                                 \
  F(dwfl_addrmodule)                                                           \
  F(dwfl_begin)                                                                \
  F(dwfl_build_id_find_debuginfo)                                              \
  F(dwfl_linux_proc_find_elf)                                                  \
  F(dwfl_module_addrdie)                                                       \
  F(dwfl_module_build_id)                                                      \
  F(dwfl_module_getelf)                                                        \
  F(dwfl_module_getsym_info)                                                   \
  F(dwfl_module_getsymtab)                                                     \
  F(dwfl_module_info)                                                          \
  F(dwfl_module_nextcu)                                                        \
  F(dwfl_report_begin_add)                                                     \
  F(dwfl_report_end)                                                           \
  F(dwfl_report_module)                                                        \
  F(elf_getshdrstrndx)                                                         \
  F(elf_nextscn)                                                               \
  F(elf_strptr)                                                                \
  F(gelf_getshdr)

#define LAB_DW_POINTER(name) __typeof__(&(name)) name;
typedef struct lab_dw_calls {
  LAB_DW_FUNCTIONS(LAB_DW_POINTER)
} lab_dw_calls;
#undef LAB_DW_POINTER

/* The functions, once lab_dw_load has returned true. */
extern lab_dw_calls lab_dw;
/* Loads the libraries, at the first call. False: they can't be loaded, which is
 * logged once. Then names come from our own symbol table, and no frame has a
 * file. */
bool lab_dw_load(void);

#endif
