/* SPDX-License-Identifier: MIT
 * The heap profile as text (debug=1), from a snapshot of heap.h. Slow
 * (symbols): not on the control thread, nor on the VM's. */
#ifndef LAB_PROF_HEAP_TEXT_H
#define LAB_PROF_HEAP_TEXT_H

#include "base/buf.h"
#include "prof/heap.h"

/* Appends Go's text form, with the lines of MemStats at its end. The counts are
 * those of the samples; the header says twice the rate, as Go's does. Each
 * bucket is a record, because a reader estimates the whole by the mean size of
 * a record. Addresses: see text_address.h. */
void lab_heap_write_text(const lab_heap_snapshot *now, lab_buf *out);

#endif
