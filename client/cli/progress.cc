// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/progress.h"

#include <cassert>
#include <string>

namespace percpu::cli {
namespace {

constexpr std::uint64_t kColumns = 50;
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

Progress::~Progress() {
  if (out_ != nullptr) *out_ << kEraseLine << std::flush;
}

void Progress::Show(std::uint64_t done) {
  assert(done <= total_);
  if (out_ == nullptr || total_ == 0) return;
  const std::uint64_t filled = done * kColumns / total_;
  if (filled == filled_) return;
  filled_ = filled;
  *out_ << kEraseLine << '[' << std::string(filled, '#') << std::string(kColumns - filled, '.')
        << "] " << done << " of " << total_ << std::flush;
}

}  // namespace percpu::cli
