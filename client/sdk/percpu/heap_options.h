// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_HEAP_OPTIONS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_HEAP_OPTIONS_H_

#include <cstdint>
#include <functional>

namespace percpu {

// How a heap holds on to chunks.
struct HeapOptions {
  // Empty chunks kept at hand. They are not given back for being empty, and they are
  // leased ahead if there is a background.
  std::uint32_t reserve = 1;
  // If more empty chunks than this are idle, all but the reserve are given back. A load
  // that swings by a chunk or two costs no calls.
  std::uint32_t most_idle = 3;
  // Runs a job soon, on another thread. It must run the job before the heap is
  // destroyed, or not at all. Null: a chunk is leased when it is needed.
  std::function<void(std::function<void()>)> background;
};

// Counts of a heap's chunks, and of its calls to the source.
struct HeapCounts {
  std::uint64_t owned = 0;
  std::uint64_t idle = 0;
  std::uint64_t orphaned = 0;
  std::uint64_t acquired = 0;
  std::uint64_t returned = 0;
  // Frees of one area by two threads in the same instant, and maps that were scribbled
  // over.
  std::uint64_t anomalies = 0;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_HEAP_OPTIONS_H_
