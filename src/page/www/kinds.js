// SPDX-License-Identifier: MIT
// The kinds of profiles that the lab takes, and what each shows.

/** Recorded for some seconds. */
export const RECORDED = [
  { name: 'profile', label: 'CPU', shows: 'Where the processor\'s time goes' },
  { name: 'wall', label: 'Wall', shows: 'Where time goes, on the processor and off it' },
];

/** What is, or what has been since the step was entered; with seconds, only what is added meanwhile. */
export const PRESENT = [
  { name: 'heap', label: 'Heap', shows: 'Memory that is in use' },
  { name: 'allocs', label: 'Allocs', shows: 'All memory that was ever allocated' },
  { name: 'goroutine', label: 'Goroutine', shows: 'All tasks, and where they are' },
  { name: 'goroutineleak', label: 'Goroutine leak', shows: 'Tasks that nobody can wake any more' },
  { name: 'mutex', label: 'Mutex', shows: 'Which code has kept others waiting' },
  { name: 'block', label: 'Block', shows: 'Where tasks have waited for others' },
  { name: 'lab.OpenFiles', label: 'Open files', shows: 'Which code has opened the files that are open', hasNoDelta: true },
  { name: 'threadcreate', label: 'Threads', shows: 'Which code has started the threads' },
];

/** Those that grow from a load's begin, so that what is between is due to it. */
export const SINCE_LOAD = ['heap', 'goroutine', 'mutex', 'block'];
