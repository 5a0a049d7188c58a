// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_TRACE_H_
#define PERCPUD_CLIENT_CLI_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace percpu {

// One line of an allocation trace: "a ID SIZE ALIGN" or "f ID", in bytes.
struct TraceOp {
  bool alloc = false;
  // Dense: 0, 1, 2 ... in the order in which the trace first allocates them. An
  // id the trace uses again after its free keeps its number.
  std::uint64_t id = 0;
  // Only an allocation has these two.
  std::uint64_t size = 0;
  std::uint64_t alignment = 0;
};

// Reads a whole trace. Sizes and alignments are as the file has them: whether
// they can be served is for the allocator to say. Errors: NOT_FOUND if it
// cannot be opened; INVALID_ARGUMENT if it cannot be read and, with the line,
// for anything that is no operation, for an allocation of an id that is live
// and for a free of one that is not.
absl::StatusOr<std::vector<TraceOp>> ReadTrace(const std::string& path);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_CLI_TRACE_H_
