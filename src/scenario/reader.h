/* SPDX-License-Identifier: MIT
 * A process that reads one scenario.lua for the list of steps, and ends.
 *
 * To know a scenario's title, its file must be run, and it may do anything: it
 * may never come to an end, also in C code or in a finalizer, or ask for all
 * memory. So the lab's own program is started once more for each file
 * (folders.c does that), with little time and memory. lua/reader.lua says what
 * it reads.
 *
 * What it writes to its standard output is a sequence of frames: a
 * lab_reader_frame, then `size` bytes. */
#ifndef LAB_SCENARIO_READER_H
#define LAB_SCENARIO_READER_H

#include <stdint.h>

#include "scenario/file_mark.h"

/* The environment variable that makes a reader out of the program. Its value is
 * the path of scenario.lua. */
#define LAB_READER_VARIABLE "DIAGLAB_READS"
/* If it is set, too, the record is whole: with the lesson and all its faults.
 */
#define LAB_READER_WHOLE_VARIABLE "DIAGLAB_READS_LESSON"

/* The names of the primitives that the lab has (plugin/plugin.h): each with a
 * comma behind it. The reader doesn't load their files. */
#define LAB_READER_PRIMITIVES_VARIABLE "DIAGLAB_READS_PRIMITIVES"

typedef enum lab_reader_frame_kind {
  LAB_READER_FILE = 1, /* a file is read now, or looked for: its path */
  LAB_READER_RECORD,   /* what reader.lua made of the scenario; the last one */
  LAB_READER_FAILED,   /* or the reason why there is no record */
} lab_reader_frame_kind;

typedef struct lab_reader_frame {
  uint32_t kind, size;
  lab_file_mark mark; /* of a file, before it was read */
} lab_reader_frame;

/* In a process that was started as a reader: reads the file and exits. In any
 * other process it returns at once. Call it before there are other threads and
 * before anything is allocated. */
void lab_reader_run(void);

#endif
