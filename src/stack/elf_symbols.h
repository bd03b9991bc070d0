/* SPDX-License-Identifier: MIT
 * The symbols in an ELF image of this machine's kind, which lies in memory.
 * Nothing in the image is believed: what doesn't lie in it isn't read, and then
 * there are no symbols.
 *
 * Internal to src/stack. Pure functions: any thread. The images must be aligned
 * as pages are. */
#ifndef LAB_STACK_ELF_SYMBOLS_H
#define LAB_STACK_ELF_SYMBOLS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pointers into the image. The last name ends with a 0 byte; the name of a
 * symbol is at names + st_name if st_name is less than names_size. */
typedef struct lab_elf_symbols {
  const ElfW(Sym) * symbols;
  size_t count;
  const char *names;
  size_t names_size; /* at least 1 */
} lab_elf_symbols;

/* The whole table of a file's image, by its section headers. False: there is
 * none, or it makes no sense. */
bool lab_elf_symtab(const void *image, size_t size, lab_elf_symbols *out);

/* Where the code of an image is that was mapped, but not relocated, as the
 * vDSO. */
typedef struct lab_elf_code {
  size_t at, size; /* in the image */
  uintptr_t shift; /* address in the file + shift = place in the image */
} lab_elf_code;

/* The table of a mapped image that the dynamic linker uses: section headers
 * need not be there. */
bool lab_elf_dynamic(const void *image, size_t size, lab_elf_code *code,
                     lab_elf_symbols *out);

/* How many bytes a mapped image has, as it says itself; its first PART bytes
 * are there in any case. 0: it is none. */
size_t lab_elf_mapped_size(const void *image, size_t part);

#endif
