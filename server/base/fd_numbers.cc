// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/fd_numbers.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

namespace percpud {
namespace {

struct NumberRange {
  int first;
  int end;
};

NumberRange Numbers() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  return {.first = end / 2, .end = end};
}

}  // namespace

UniqueFd FdNumbers::Renumber(UniqueFd fd) {
  const NumberRange numbers = Numbers();
  next_ = std::max(next_, numbers.first);
  UniqueFd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, next_));
  // Past the end: round again.
  if (!moved.ok()) moved = UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, numbers.first));
  if (!moved.ok()) return fd;
  next_ = moved.get() + 1 < numbers.end ? moved.get() + 1 : numbers.first;
  return moved;
}

}  // namespace percpud
