/* SPDX-License-Identifier: MIT
 * See object_check.h. */
#include "plugin/object_check.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#else
#error "which machine does an ELF file say?"
#endif

static bool lies_within(uint64_t offset, uint64_t n, uint64_t size) {
  return offset <= size && n <= size - offset;
}

static bool is_of_this_machine(const ElfW(Ehdr) * header) {
  int class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
  return header->e_ident[EI_CLASS] == class && header->e_machine == MACHINE;
}

int lab_object_check(const void *bytes, size_t size, lab_err *err) {
  const ElfW(Ehdr) *header = bytes;
  if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return lab_err_set(err, -ENOEXEC,
                       "it is not a shared object (cc -shared -fPIC makes "
                       "one)");
  if (!is_of_this_machine(header))
    return lab_err_set(err, -ENOEXEC,
                       "it is for another kind of processor than this one");
  if (header->e_type != ET_DYN)
    return lab_err_set(err, -ENOEXEC,
                       "it is a program or an object file, not a shared object "
                       "(cc -shared -fPIC makes one)");
  bool whole =
      header->e_phentsize == sizeof(ElfW(Phdr)) &&
      header->e_phoff % _Alignof(ElfW(Phdr)) == 0 &&
      lies_within(header->e_phoff, header->e_phnum * sizeof(ElfW(Phdr)), size);
  const ElfW(Phdr) *parts =
      whole ? (const void *)((const char *)bytes + header->e_phoff) : NULL;
  for (size_t i = 0; whole && i < header->e_phnum; i++)
    whole = lies_within(parts[i].p_offset, parts[i].p_filesz, size);
  if (!whole)
    return lab_err_set(err, -ENOEXEC, "the file is cut off");
  return 0;
}
