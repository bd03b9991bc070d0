/* SPDX-License-Identifier: MIT
 * See elf_symbols.h. */
#include "stack/elf_symbols.h"

#include <elf.h>
#include <string.h>

typedef struct image {
  const char *data;
  size_t size;
} image;

static bool is_in_image(const image *im, uint64_t offset, uint64_t size) {
  return offset <= im->size && size <= im->size - offset;
}

/* N things of SIZE bytes at OFFSET, or NULL: they aren't in the image, or not
 * where such a thing can be. */
static const void *find_things(const image *im, uint64_t offset, uint64_t n,
                               size_t size, size_t alignment) {
  if (n > im->size / size || !is_in_image(im, offset, n * size) ||
      offset % alignment != 0)
    return NULL;
  return im->data + offset;
}

#define FIND_THINGS(im, type, offset, n)                                       \
  ((const type *)find_things(im, offset, n, sizeof(type), _Alignof(type)))

static const ElfW(Ehdr) * find_elf_header(const image *im) {
  const ElfW(Ehdr) *header = FIND_THINGS(im, ElfW(Ehdr), 0, 1);
  bool is_elf = header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
                header->e_ident[EI_CLASS] ==
                    (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
  return is_elf ? header : NULL;
}

/* The names must end, so that each can be read up to its end. */
static bool take_names(const image *im, uint64_t offset, uint64_t size,
                       lab_elf_symbols *out) {
  if (size == 0 || !is_in_image(im, offset, size) ||
      im->data[offset + size - 1] != '\0')
    return false;
  out->names = im->data + offset;
  out->names_size = size;
  return true;
}

/* ---- of a file ----------------------------------------------------------- */

bool lab_elf_symtab(const void *bytes, size_t size, lab_elf_symbols *out) {
  const image im = {bytes, size};
  const ElfW(Ehdr) *header = find_elf_header(&im);
  const ElfW(Shdr) *sections =
      header ? FIND_THINGS(&im, ElfW(Shdr), header->e_shoff, header->e_shnum)
             : NULL;
  for (size_t i = 0; sections && i < header->e_shnum; i++) {
    const ElfW(Shdr) *s = &sections[i];
    if (s->sh_type != SHT_SYMTAB || s->sh_link >= header->e_shnum)
      continue;
    const ElfW(Shdr) *names = &sections[s->sh_link];
    out->count = s->sh_size / sizeof *out->symbols;
    out->symbols = FIND_THINGS(&im, ElfW(Sym), s->sh_offset, out->count);
    if (out->symbols && take_names(&im, names->sh_offset, names->sh_size, out))
      return true;
  }
  return false;
}

/* ---- of a mapped image --------------------------------------------------- */

static const ElfW(Phdr) * find_parts(const image *im, size_t *n) {
  const ElfW(Ehdr) *header = find_elf_header(im);
  *n = header ? header->e_phnum : 0;
  return header ? FIND_THINGS(im, ElfW(Phdr), header->e_phoff, *n) : NULL;
}

size_t lab_elf_mapped_size(const void *bytes, size_t part) {
  const image im = {bytes, part};
  size_t n, end = 0;
  const ElfW(Phdr) *parts = find_parts(&im, &n);
  for (size_t i = 0; parts && i < n; i++) {
    size_t stop = parts[i].p_offset + parts[i].p_memsz;
    if (parts[i].p_type == PT_LOAD && stop > end)
      end = stop;
  }
  return end;
}

static bool find_code(const image *im, lab_elf_code *code,
                      const ElfW(Phdr) * *dynamic) {
  size_t n;
  const ElfW(Phdr) *parts = find_parts(im, &n), *load = NULL;
  *dynamic = NULL;
  for (size_t i = 0; parts && i < n; i++) {
    if (parts[i].p_type == PT_LOAD && (parts[i].p_flags & PF_X) && !load)
      load = &parts[i];
    if (parts[i].p_type == PT_DYNAMIC)
      *dynamic = &parts[i];
  }
  if (!load || !*dynamic || !is_in_image(im, load->p_offset, load->p_memsz))
    return false;
  *code = (lab_elf_code){load->p_offset, load->p_memsz,
                         load->p_offset - load->p_vaddr};
  return true;
}

/* The number of symbols, which ELF doesn't write down: the old hash table has a
 * chain entry for each. */
static size_t count_by_hash(const image *im, uint64_t at) {
  const uint32_t *h = FIND_THINGS(im, uint32_t, at, 2);
  return h ? h[1] : 0;
}

/* In the new table the last chain ends with the last symbol. */
static size_t count_by_gnu_hash(const image *im, uint64_t at) {
  const uint32_t *g = FIND_THINGS(im, uint32_t, at, 4);
  if (!g)
    return 0;
  uint32_t nbuckets = g[0], first = g[1], last = 0;
  at += 16 + (uint64_t)g[2] * sizeof(ElfW(Addr)); /* behind the filter */
  const uint32_t *buckets = FIND_THINGS(im, uint32_t, at, nbuckets);
  for (uint32_t i = 0; buckets && i < nbuckets; i++)
    if (buckets[i] > last)
      last = buckets[i];
  if (!buckets || last < first)
    return buckets ? first : 0;
  at += (uint64_t)nbuckets * 4; /* the chains */
  for (const uint32_t *link;; last++) {
    link = FIND_THINGS(im, uint32_t, at + (uint64_t)(last - first) * 4, 1);
    if (!link)
      return 0;
    if (*link & 1)
      return (size_t)last + 1;
  }
}

bool lab_elf_dynamic(const void *bytes, size_t size, lab_elf_code *code,
                     lab_elf_symbols *out) {
  const image im = {bytes, size};
  const ElfW(Phdr) * part;
  if (!find_code(&im, code, &part))
    return false;
  uint64_t symbols = 0, names = 0, names_size = 0;
  size_t n = part->p_memsz / sizeof(ElfW(Dyn));
  const ElfW(Dyn) *d = FIND_THINGS(&im, ElfW(Dyn), part->p_offset, n);
  out->count = 0;
  for (size_t i = 0; d && i < n && d[i].d_tag != DT_NULL; i++) {
    uint64_t at = d[i].d_un.d_ptr + code->shift;
    if (d[i].d_tag == DT_SYMTAB)
      symbols = at;
    else if (d[i].d_tag == DT_STRTAB)
      names = at;
    else if (d[i].d_tag == DT_STRSZ)
      names_size = d[i].d_un.d_val;
    else if (d[i].d_tag == DT_HASH)
      out->count = count_by_hash(&im, at);
    else if (d[i].d_tag == DT_GNU_HASH && out->count == 0)
      out->count = count_by_gnu_hash(&im, at);
  }
  out->symbols =
      symbols ? FIND_THINGS(&im, ElfW(Sym), symbols, out->count) : NULL;
  return out->symbols && take_names(&im, names, names_size, out);
}
