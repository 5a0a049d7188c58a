// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_SESSION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "percpu/client.h"
#include "percpu/lease_heap.h"
#include "percpu/options.h"
#include "percpu/ref.h"
#include "percpu/types.h"

namespace percpu {

// How this process's updates of integers in the arena are made.
enum class Updates {
  // By itself, restartable sequences: under a nanosecond.
  kRseq,
  // By itself, a locked instruction.
  kAtomic,
  // By the daemon: this process may or can only read.
  kRpc,
};

// What became of a session while its daemon was away.
enum class SessionState {
  kConnected,
  // The daemon has gone; the session is taken up again when it is back. What is
  // mapped goes on being counted in.
  kWaiting,
  // The next daemon does not know it, or has another arena: its areas and leases
  // are gone. Open another.
  kLost,
};

struct SessionOptions {
  CallOptions calls;
  // Told of every change of state, on a thread of the session's. It must not end
  // the session.
  std::function<void(SessionState state, const absl::Status& why)> on_state;
  // Map the arena for reading only, as a viewer.
  bool read_only = false;
};

// A process on the daemon's host, admitted at its side door, with the arena
// mapped.
//
//   auto session = percpu::Session::Open("unix:/run/percpud/percpud.sock");
//   auto requests = (*session)->Counter("requests");   // finds or makes it
//   requests->Increment();                             // no RPC, no lock
//
// Ownership: areas allocated through client() are the session's and are freed
// when it ends: with this object or with the process, however that ends.
// Variables (Counter, Client::OpenVariable) are nobody's and stay.
// fork: a child inherits the mapping, so refs go on counting; nothing else of
// the session is its own. Its first call is admitted anew, under a new id.
// Fork while no thread is in a call. gRPC lets a child make calls only if
// GRPC_ENABLE_FORK_SUPPORT=1 and GRPC_POLL_STRATEGY=poll were in the environment
// when it started; this SDK puts them there, which helps unless the program used
// gRPC before.
// The daemon may end and come back at any time: calls that cannot have been made
// twice are made again until their deadline, and the session goes on under its
// id, with the mapping as it is.
// Thread safety: all methods from any thread.
class Session {
 public:
  // Errors: UNAVAILABLE if no daemon has a side door there, its refusal (quota,
  // policy), FAILED_PRECONDITION if it speaks another version.
  static absl::StatusOr<std::unique_ptr<Session>> Open(std::string_view address,
                                                       const SessionOptions& options = {});
  // Ends the session, unless this is a child of the process that opened it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Calls in the session's name.
  [[nodiscard]] Client& client();
  // As the daemon numbers it, in this process. Errors: as Open.
  absl::StatusOr<SessionId> id();
  // Valid as long as the session, a child's included.
  [[nodiscard]] const Mapping& mapping() const;
  [[nodiscard]] Updates update_mode() const;
  // Of this process's; a child's own is connected.
  [[nodiscard]] SessionState state();

  // An integer anywhere in the arena. REQUIRES: as Ref.
  template <SlotInteger T>
  [[nodiscard]] Ref<T> At(Pointer pointer) const {
    return Ref<T>(mapping(), pointer);
  }
  // The counter of that name, found or made. Errors: the daemon's, and
  // DATA_LOSS for a pointer that no arena of this size has.
  absl::StatusOr<Ref<std::uint64_t>> Counter(std::string_view name);

  // A heap of areas in chunks leased for this session: allocation in
  // nanoseconds, without the daemon. Its areas are gone when the heap is. Not
  // for a child after a fork: it opens its own session. Outlived by the session.
  // Errors: FAILED_PRECONDITION if this process may not write the arena.
  absl::StatusOr<std::unique_ptr<LeaseHeap>> NewHeap(const LeaseHeap::Options& options = {});

  // A heap in one chunk with a name, which outlives heap, session and process:
  // who opens it next finds the areas and bytes that were there.
  struct KeptHeap {
    std::unique_ptr<LeaseHeap> heap;
    // Warm, with what lives in it; or cold, and why.
    Adoption adoption;
  };
  // Errors: FAILED_PRECONDITION while another session holds it, or as NewHeap.
  absl::StatusOr<KeptHeap> OpenKeptHeap(std::string_view name);

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_SESSION_H_
