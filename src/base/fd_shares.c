/* SPDX-License-Identifier: MIT
 * See fd_shares.h. */
#include "base/fd_shares.h"

static rlim_t choose_less(rlim_t a, rlim_t b) {
  return a < b ? a : b;
}

lab_fd_shares lab_fd_shares_of(rlim_t all) {
  if (all == RLIM_INFINITY)
    return (lab_fd_shares){all, all, all, all};
  rlim_t steps = all - choose_less(all / 4, 64);
  return (lab_fd_shares){.clients = steps - choose_less(all / 8, 8),
                         .steps = steps,
                         .requests = all - choose_less(all * 3 / 16, 28),
                         .observers = all - choose_less(all / 16, 8)};
}

lab_fd_shares lab_fd_shares_now(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return lab_fd_shares_of(RLIM_INFINITY);
  return lab_fd_shares_of(limit.rlim_cur);
}
