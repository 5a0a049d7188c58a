// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_SESSION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/client.h"
#include "percpu/lease_heap.h"
#include "percpu/mapping.h"
#include "percpu/options.h"
#include "percpu/ref.h"
#include "percpu/session_state.h"
#include "percpu/struct_ref.h"
#include "percpu/types.h"

namespace percpu {

// How this process's updates of integers in the arena are made.
enum class Updates {
  // By the process itself, in restartable sequences: under a nanosecond.
  kRseq,
  // By the process itself, by a locked instruction.
  kAtomic,
  // By the daemon: this process may only read, or can only read.
  kRpc,
};

struct SessionOptions {
  CallOptions calls;
  // Told of every change of state, on a thread of the session's. It must not end
  // the session.
  std::function<void(SessionState state, const absl::Status& why)> on_state;
  // Map the arena for reading only, as a viewer.
  bool read_only = false;
  // The path of the side door's socket. Empty: beside the address's socket, where
  // the daemon puts it unless it is told otherwise.
  std::string door;
};

// A process on the daemon's host, admitted at its side door, with the arena
// mapped.
//
//   auto session = percpu::Session::Open("unix:/run/percpud/percpud.sock");
//   auto requests = (*session)->Counter("requests");   // finds or makes it
//   if (!requests->Increment()) ...                    // no RPC, no lock
//
// Ownership: areas allocated through client() are the session's and are freed
// when it ends: with this object or with the process, however that ends.
// Variables (Counter, Struct, Client::OpenVariable) belong to nobody and stay.
//
// The daemon may end and come back at any time. Calls that cannot have been made
// twice are made again until their deadline, and the session goes on under its id,
// with the mapping as it is. However long the daemon is away, and whatever it is
// short of when it is back, the session is lost only if the daemon has ended it or
// has another arena. From then on everything that would touch the old arena is
// refused: calls (UNAUTHENTICATED), counts (false) and heaps.
//
// fork: a child inherits the mapping, and nothing else of the session is its own.
// Its first call or count is admitted anew, under a new id, and compares arenas; a
// child that finds another arena, or whose parent had lost its session, is lost.
// If no daemon answers, the child counts on in what it has mapped, as its parent
// does. So the first count of a child may take as long as a call; those that follow
// cost what the parent's do. Fork while no thread is in a call. gRPC lets a child
// make calls only if GRPC_ENABLE_FORK_SUPPORT=1 and GRPC_POLL_STRATEGY=poll were in
// the environment when it started; this SDK puts them there, which helps unless the
// program used gRPC before.
//
// Thread safety: all methods from any thread.
class Session {
 public:
  // `address` is "unix:PATH", or the path alone. Errors: INVALID_ARGUMENT for the
  // address, UNAVAILABLE if no daemon has a side door there, its refusal (quota,
  // policy), FAILED_PRECONDITION if it speaks another version.
  static absl::StatusOr<std::unique_ptr<Session>> Open(std::string_view address,
                                                       const SessionOptions& options = {});
  // Ends the session, unless this is a child of the process that opened it. Waits
  // for nobody but a call of on_state that is under way.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Calls in the session's name.
  [[nodiscard]] Client& client();
  // Returns the session's number, in this process. Errors: as Open.
  absl::StatusOr<SessionId> id();
  // Valid as long as the session, a child's included.
  [[nodiscard]] const Mapping& mapping() const;
  [[nodiscard]] Updates update_mode() const;
  // Returns this process's state. In a child that has not called yet it is admitted
  // first, which may take as long as a call.
  [[nodiscard]] SessionState state();

  // An integer anywhere in the arena. REQUIRES: as Ref.
  template <SlotInteger T>
  [[nodiscard]] Ref<T> At(Pointer pointer) const {
    return Ref<T>(mapping(), pointer);
  }
  // Finds the counter of that name, or makes it. Errors: the daemon's, and
  // DATA_LOSS for a pointer that no arena of this size has.
  absl::StatusOr<Ref<std::uint64_t>> Counter(std::string_view name);
  // Finds the variable of that name, of sizeof(T) bytes in each unit, or makes it,
  // zeroed. Errors: as Counter; INVALID_ARGUMENT if the variable has another size.
  template <ArenaStruct T>
  absl::StatusOr<StructRef<T>> Struct(std::string_view name) {
    const absl::StatusOr<Pointer> pointer = OpenBytes(name, sizeof(T), alignof(T));
    if (!pointer.ok()) return pointer.status();
    return StructRef<T>(mapping(), *pointer);
  }

  // Makes a heap of areas in chunks leased for this session: allocation in
  // nanoseconds, without the daemon. Its areas are gone when the heap is. A child
  // of a fork opens a session of its own for one. Outlived by the session. Errors:
  // FAILED_PRECONDITION if this process may not write the arena.
  absl::StatusOr<std::unique_ptr<LeaseHeap>> NewHeap(const HeapOptions& options = {});

  // A heap in one chunk with a name, which outlives heap, session and process:
  // the next process that opens it finds the areas and bytes that were there.
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

  absl::StatusOr<Pointer> OpenBytes(std::string_view name, std::uint64_t size_bytes,
                                    std::uint32_t alignment);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_SESSION_H_
