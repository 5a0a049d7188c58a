// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_AREA_H_
#define PERCPUD_CLIENT_SDK_PERCPU_AREA_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "percpu/connection.h"
#include "percpu/types.h"

namespace percpu {

// An area that is freed with its handle.
//
//   auto buffer = client.AllocateArea({.size_bytes = 4096});
//   Use(buffer->pointer());
//   // freed here
//
// Ownership: the handle owns the area until Release, Free or its destruction. Refs made
// with its pointer must not be used afterwards.
// fork: the area stays the parent's. A child's copy of the handle frees nothing.
// Thread compatible.
class Area {
 public:
  // Owns nothing.
  Area() = default;
  // Owns the area at `pointer`, which a call on `connection` allocated.
  // REQUIRES: a connection, unless `pointer` is null.
  Area(std::shared_ptr<Connection> connection, Pointer pointer);
  Area(Area&& other) noexcept;
  Area& operator=(Area&& other) noexcept;
  // Frees the area. If that fails, the area is freed at the end of its session. Takes no
  // longer than CallOptions::deadline.
  ~Area();

  // Returns null if this handle owns nothing.
  [[nodiscard]] Pointer pointer() const { return pointer_; }
  // Gives the area up: the caller has to free it. Returns null if there is none.
  [[nodiscard]] Pointer Release();
  // Frees the area now. Afterwards the handle owns nothing, whatever the result. Errors:
  // as Client::Free; FAILED_PRECONDITION if this handle owns nothing, or if this process
  // is a child of the owner.
  absl::Status Free();

 private:
  std::shared_ptr<Connection> connection_;
  Pointer pointer_ = kNull;
  // The process that owns the area (ForkGeneration).
  std::uint64_t generation_ = 0;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_AREA_H_
