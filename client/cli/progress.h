// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_PROGRESS_H_
#define PERCPUD_CLIENT_CLI_PROGRESS_H_

#include <cstdint>
#include <ostream>

namespace percpu::cli {

// A bar that fills while something long runs, and is gone when it ends. Not
// thread safe.
class Progress {
 public:
  // `out` must outlive it; nullptr: nobody watches, nothing is drawn.
  Progress(std::ostream* out, std::uint64_t total) : out_(out), total_(total) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(std::uint64_t done);

 private:
  std::ostream* const out_;
  const std::uint64_t total_;
  // Columns drawn, so that nothing is drawn twice.
  std::uint64_t filled_ = ~std::uint64_t{0};
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_PROGRESS_H_
