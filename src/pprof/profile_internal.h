/* SPDX-License-Identifier: MIT
 * The data of a profile under construction: profile.c fills it in, encode.c
 * writes it. Everything is in growing arrays, and an id is the index in its
 * array plus 1. Strings are numbers of the string table. */
#ifndef LAB_PPROF_PROFILE_INTERNAL_H
#define LAB_PPROF_PROFILE_INTERNAL_H

#include "base/buf.h"
#include "base/table.h"
#include "pprof/profile.h"
#include "pprof/strtab.h"

typedef struct value_type {
  uint32_t type, unit;
} value_type;

typedef struct mapping {
  uint64_t start, limit, offset;
  uint32_t file, build_id;
} mapping;

typedef struct function {
  uint32_t name, file;
  int64_t start_line;
} function;

typedef struct location {
  uint64_t mapping, address, function;
  int64_t line;
} location;

typedef struct label {
  uint32_t key, str;
  int64_t num;
  uint32_t num_unit;
  uint32_t zero; /* instead of padding: labels are compared as bytes */
} label;

/* The values of sample i begin at values[i * ntypes]. */
typedef struct sample {
  size_t frames; /* first in frames */
  size_t labels; /* first in labels */
  uint32_t nframes, nlabels;
} sample;

/* The elements of a lab_buf that is used as an array of TYPE; their number. */
#define ITEMS(buf, type) ((type *)(void *)(buf)->data)
#define COUNT(buf, type) ((buf)->len / sizeof(type))

struct lab_profile {
  lab_strtab strings;
  lab_buf types; /* value_type[] */
  size_t ntypes;
  value_type period_type;
  int64_t period, time_ns, duration_ns;
  uint32_t default_type;
  lab_buf comments; /* uint32_t[] */
  bool drop_zero;
  lab_buf mappings;  /* mapping[] */
  lab_buf functions; /* function[] */
  lab_table function_table;
  lab_buf locations; /* location[] */
  lab_table location_table;
  lab_buf samples; /* sample[] */
  lab_table sample_table;
  lab_buf values; /* int64_t[] */
  lab_buf frames; /* uint32_t[]: location ids, leaf first */
  lab_buf labels; /* label[] */
};

#endif
