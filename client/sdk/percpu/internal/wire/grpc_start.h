// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_GRPC_START_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_GRPC_START_H_

#include <cstddef>

#include "absl/status/status.h"

namespace percpu::wire {

// Returns an error unless this process may have `wanted` descriptors more. Errors:
// RESOURCE_EXHAUSTED. Thread safe.
absl::Status CheckDescriptors(std::size_t wanted);

// Starts gRPC in this process, unless it runs here or ran in the parent. It is to be called
// before anything else of gRPC's.
//
// gRPC starts threads and does not notice if the system refuses one. It then waits for the
// missing thread for ever: a channel never connects, and no deadline ends the wait. So gRPC
// is started only when this process may have the threads, and it is never stopped, because
// its end waits for all of them.
//
// Errors: RESOURCE_EXHAUSTED if this process may not have the threads or descriptors just now, or
// if gRPC lost one while it started, which is for good. Thread safe.
absl::Status StartGrpc();

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_GRPC_START_H_
