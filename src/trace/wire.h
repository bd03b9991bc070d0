/* SPDX-License-Identifier: MIT
 * The format "go 1.19 trace", as far as it is written here. Internal to
 * src/trace.
 *
 * A file is 16 bytes of header and records until its end. A record is one byte,
 * type | n << 6, and numbers as in protobuf (base 128, lowest first). For n =
 * 0..2, n + 1 numbers follow; for n = 3 the length of the rest in bytes, then
 * the numbers. The first number is the time since the record before it. A
 * String has n = 0, and its text follows its number. A Batch says to which P
 * the records after it belong, and sets the time.
 *
 * "Local" events are for what happens on the P of the goroutine: they carry no
 * sequence number. SysExit has no such form that also has its time. */
#ifndef LAB_TRACE_WIRE_H
#define LAB_TRACE_WIRE_H

#define LAB_TRACE_HEADER "go 1.19 trace\0\0" /* and the final 0: 16 bytes */

enum lab_trace_event {
  EV_BATCH = 1,           /* p, time */
  EV_FREQUENCY = 2,       /* ticks per second */
  EV_STACK = 3,           /* id, n, n * (pc, function, file, line) */
  EV_GOMAXPROCS = 4,      /* procs, stack */
  EV_PROC_START = 5,      /* thread */
  EV_PROC_STOP = 6,       /* */
  EV_GC_START = 7,        /* sequence number, stack */
  EV_GC_DONE = 8,         /* */
  EV_STW_START = 9,       /* kind */
  EV_STW_DONE = 10,       /* */
  EV_GO_CREATE = 13,      /* goroutine, entry, stack */
  EV_GO_END = 15,         /* */
  EV_GO_SCHED = 17,       /* stack */
  EV_GO_PREEMPT = 18,     /* stack */
  EV_GO_SLEEP = 19,       /* stack */
  EV_GO_BLOCK = 20,       /* stack */
  EV_GO_UNBLOCK_SEQ = 21, /* goroutine, sequence number, stack */
  EV_GO_BLOCK_SEND = 22,  /* stack, and so the next ones */
  EV_GO_BLOCK_RECV = 23,
  EV_GO_BLOCK_SELECT = 24,
  EV_GO_BLOCK_SYNC = 25,
  EV_GO_BLOCK_COND = 26,
  EV_GO_BLOCK_NET = 27,
  EV_GO_SYSCALL = 28,     /* stack */
  EV_GO_SYS_EXIT = 29,    /* goroutine, sequence number, time or 0 */
  EV_GO_SYS_BLOCK = 30,   /* */
  EV_GO_WAITING = 31,     /* goroutine */
  EV_HEAP_ALLOC = 33,     /* bytes */
  EV_HEAP_GOAL = 34,      /* bytes */
  EV_STRING = 37,         /* id, length, text */
  EV_GO_START = 38,       /* goroutine (the Local one) */
  EV_GO_UNBLOCK = 39,     /* goroutine, stack (the Local one) */
  EV_GO_START_LABEL = 41, /* goroutine, sequence number, label */
  EV_USER_TASK = 45,      /* task, parent, name, stack */
  EV_USER_TASK_END = 46,  /* task, stack */
  EV_USER_REGION = 47,    /* task, 0 begin or 1 end, name, stack */
  EV_USER_LOG = 48,       /* task, key, stack; then length and text */
  EV_CPU_SAMPLE = 49,     /* time, p, goroutine, stack */
};

enum { STW_MARK_TERMINATION = 0 };

/* The P of what belongs to none; and that by which Go's readers know what a
 * timer does. */
enum { NO_PROC = -1, VM_PROC = 0, TIMER_PROC = 1000001 };

#endif
