/* SPDX-License-Identifier: MIT
 * Takes any bytes for an ELF image, that of a file or that of the vDSO, and for
 * a shared object that is to be loaded.
 * Checked: nothing outside of it is read, and symbols and names lie in it. What
 * the fuzzer begins with is a small image that is right (corpus). */
#include <link.h>

#include "input.h"
#include "plugin/object_check.h"
#include "stack/elf_symbols.h"

enum { IMAGE_MAX = 4096 };

static void check_symbols(const lab_elf_symbols *t, const char *image,
                          size_t size) {
  const char *first = (const char *)t->symbols;
  LAB_ASSERT(first >= image);
  LAB_ASSERT(t->count <= size / sizeof *t->symbols);
  LAB_ASSERT(first + t->count * sizeof *t->symbols <= image + size);
  LAB_ASSERT(t->names >= image && t->names_size >= 1);
  LAB_ASSERT(t->names + t->names_size <= image + size);
  size_t letters = 0;
  for (size_t i = 0; i < t->count; i++) /* as the callers read them */
    if (t->symbols[i].st_name < t->names_size)
      letters += strlen(t->names + t->symbols[i].st_name);
  LAB_ASSERT(letters <= t->count * size);
}

/* What the dynamic linker will map of a file that is accepted is there. */
static void check_parts(const char *image, size_t size) {
  const ElfW(Ehdr) *header = (const void *)image;
  const ElfW(Phdr) *parts = (const void *)(image + header->e_phoff);
  for (size_t i = 0; i < header->e_phnum; i++) {
    LAB_ASSERT((const char *)(parts + i + 1) <= image + size);
    LAB_ASSERT(parts[i].p_filesz <= size);
    LAB_ASSERT(parts[i].p_offset <= size - parts[i].p_filesz);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_elf_symbols symbols;
  lab_elf_code code;
  if (size > IMAGE_MAX)
    return 0;
  char *image = malloc(size + (size == 0)); /* aligned for anything */
  if (size > 0)
    memcpy(image, data, size);
  if (lab_elf_symtab(image, size, &symbols))
    check_symbols(&symbols, image, size);
  if (lab_elf_dynamic(image, size, &code, &symbols)) {
    check_symbols(&symbols, image, size);
    LAB_ASSERT(code.at <= size && code.size <= size - code.at);
  }
  lab_elf_mapped_size(image, size);
  if (lab_object_check(image, size, NULL) == 0)
    check_parts(image, size);
  free(image);
  return 0;
}
