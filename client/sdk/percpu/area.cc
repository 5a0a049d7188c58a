// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/area.h"

#include <cassert>
#include <span>
#include <utility>

#include "percpu/internal/fork.h"

namespace percpu {

Area::Area(std::shared_ptr<Connection> connection, Pointer pointer)
    : connection_(std::move(connection)), pointer_(pointer), generation_(ForkGeneration()) {
  assert(connection_ != nullptr || pointer_ == kNull);
}

Area::Area(Area&& other) noexcept
    : connection_(std::move(other.connection_)),
      pointer_(std::exchange(other.pointer_, kNull)),
      generation_(other.generation_) {}

Area& Area::operator=(Area&& other) noexcept {
  if (this == &other) return *this;
  if (pointer_ != kNull) Free().IgnoreError();
  connection_ = std::move(other.connection_);
  pointer_ = std::exchange(other.pointer_, kNull);
  generation_ = other.generation_;
  return *this;
}

Area::~Area() {
  if (pointer_ != kNull) Free().IgnoreError();
}

Pointer Area::Release() { return std::exchange(pointer_, kNull); }

absl::Status Area::Free() {
  const Pointer pointer = std::exchange(pointer_, kNull);
  if (pointer == kNull) return absl::FailedPreconditionError("area: this handle owns none");
  if (generation_ != ForkGeneration()) {
    return absl::FailedPreconditionError("area: it is the parent's of a fork()");
  }
  assert(connection_ != nullptr);
  return connection_->Free(std::span(&pointer, 1)).status();
}

}  // namespace percpu
