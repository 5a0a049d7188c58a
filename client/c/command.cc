// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/command.h"

#include <algorithm>

namespace percpud::c {

using abi::v1::LaneKind;
using abi::v1::LaneLoad;

namespace {

// google.rpc.Code.
constexpr std::uint16_t kNotFound = 5;

}  // namespace

bool Command::Write(std::uint64_t id, abi::v1::LaneRequestWriter& writer) {
  bool fits = false;
  switch (kind_) {
    case LaneKind::kRemoveSeries:
      fits = writer.RemoveSeries(id, remove_);
      break;
    case LaneKind::kCloseWriter:
      fits = writer.CloseWriter(id, number_);
      break;
    case LaneKind::kOpenVariable:
      fits = writer.OpenVariable(id, open_);
      break;
    default:
      fits = writer.ResetNamespace(id, number_, name_space_);
  }
  id_ = id;
  is_sent_ = fits;
  return fits;
}

bool Command::TakeAnswer(const abi::v1::LaneAnswer& answer, const Arena* arena) {
  if (answer.kind != kind_) return false;
  // What is not there is not in the way.
  if (answer.code == kNotFound && kind_ != LaneKind::kOpenVariable) {
    series_ = 0;
    is_done_ = true;
    return true;
  }
  if (answer.code != 0) {
    abi::v1::LaneErrorView error;
    Fail(error.Parse(answer.body) && !error.text().empty() ? error.text() : "the daemon refuses");
    return true;
  }
  switch (kind_) {
    case LaneKind::kRemoveSeries:
      series_ = static_cast<std::int64_t>(LaneLoad<abi::v1::LaneRemoved>(answer.body, 0).series);
      break;
    case LaneKind::kCloseWriter:
      series_ =
          static_cast<std::int64_t>(LaneLoad<abi::v1::LaneWriterClosed>(answer.body, 0).series);
      break;
    case LaneKind::kOpenVariable: {
      const auto variable = LaneLoad<abi::v1::LaneVariable>(answer.body, 0);
      arena_ = arena;
      pointer_ = variable.pointer;
      size_ = variable.size;
      series_ = 0;
      break;
    }
    default: {
      const auto reset = LaneLoad<abi::v1::LaneNamespaceReset>(answer.body, 0);
      series_ = static_cast<std::int64_t>(reset.series);
      generation_ = reset.generation;
    }
  }
  is_done_ = true;
  return true;
}

void Command::Fail(std::string_view reason) {
  const std::size_t bytes = std::min(reason.size(), reason_.size() - 1);
  std::copy_n(reason.begin(), bytes, reason_.begin());
  reason_[bytes] = '\0';
  series_ = -1;
  is_done_ = true;
}

}  // namespace percpud::c
