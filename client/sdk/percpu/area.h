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
// Ownership: the handle owns the area until Release, Free or its destruction.
// Refs made with its pointer must not be used afterwards.
// fork: the area stays the parent's. A child's copy of the handle frees nothing.
// Thread compatible: one thread at a time.
class Area {
 public:
  // Owns nothing.
  Area() = default;
  // Owns the area at `pointer`, which a call on `connection` allocated.
  Area(std::shared_ptr<Connection> connection, Pointer pointer);
  Area(Area&& other) noexcept;
  Area& operator=(Area&& other) noexcept;
  // Frees the area. A failure leaves it to the end of its session; the call takes
  // no longer than CallOptions::deadline.
  ~Area();

  // Null if this handle owns nothing.
  [[nodiscard]] Pointer pointer() const { return pointer_; }
  // Gives the area up: it is the caller's to free.
  [[nodiscard]] Pointer Release();
  // Frees the area now. Errors: as Client::Free; FAILED_PRECONDITION if this
  // handle owns nothing or its process is a child of the owner. Afterwards the
  // handle owns nothing, whatever the result.
  absl::Status Free();

 private:
  std::shared_ptr<Connection> connection_;
  Pointer pointer_ = kNull;
  // The process that owns the area: see ForkGeneration.
  std::uint64_t generation_ = 0;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_AREA_H_
