// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_FD_NUMBERS_H_
#define PERCPUD_SERVER_BASE_FD_NUMBERS_H_

#include "server/base/unique_fd.h"

namespace percpud {

// Numbers for connections that are known by them ("fd:1234" to gRPC): each has the next one, so
// that a late call of a closed connection is not taken for one of the connection that came next.
// They are the upper half of what numbers there may be; the lower is everybody else's. Not thread
// safe.
class FdNumbers {
 public:
  // The same open file under its number; under its old one if there is no other.
  UniqueFd Renumber(UniqueFd fd);

 private:
  int next_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_FD_NUMBERS_H_
