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

// Who updates the integers in the arena for this process, and how.
enum class Updates {
  // The process itself, in restartable sequences: under a nanosecond.
  kRseq,
  // The process itself, by a locked instruction.
  kAtomic,
  // The daemon, because this process may not, or cannot, write the arena.
  kRpc,
};

struct SessionOptions {
  CallOptions calls;
  // Called at every change of state, on a thread of the session's. It must not end the
  // session. Its own calls do not wait for a daemon that is away.
  std::function<void(SessionState state, const absl::Status& why)> on_state;
  // Map the arena for reading only, as a viewer.
  bool read_only = false;
  // The path of the side door's socket. Empty: the socket beside the address's, where the
  // daemon puts it by default.
  std::string door;
};

// A process on the daemon's host, admitted at the side door, with the arena mapped.
//
//   auto session = percpu::Session::Open("unix:/run/percpud/percpud.sock");
//   auto requests = (*session)->Counter("requests");   // finds or makes it
//   if (!requests->Increment()) ...                    // no RPC, no lock
//
// Ownership: areas allocated through client() are the session's. They are freed when it
// ends, with this object or with the process, however the process ends. Variables
// (Counter, Struct, Client::OpenVariable) belong to nobody and stay.
//
// Restarts: the daemon may end and come back at any time. Counts and heaps go on
// meanwhile. A call waits for the daemon until its deadline, and the session goes on under
// its id, with the mapping as it is. A call whose answer was lost is made again if the
// daemon can tell that it is the same one (RetryPolicy). The session is lost only if the
// daemon has ended it or has another arena, however long the daemon was away. From then
// on everything that would touch the old arena is refused: calls (UNAUTHENTICATED),
// counts (false) and heaps.
//
// fork: a child inherits the mapping, and no other part of the session. With its first
// call or count it is admitted anew, under a new id, and compares arenas. A child that
// finds another arena, or whose parent had lost its session, is lost. If no daemon
// answers, the child counts on in the mapping, as its parent does. So a child's first
// count may take as long as a call; later ones cost what the parent's do. Fork while no
// thread is in a call. gRPC lets a child make calls only if GRPC_ENABLE_FORK_SUPPORT=1
// and GRPC_POLL_STRATEGY=poll were in the environment when gRPC started. This SDK sets
// them, which is too late if the program used gRPC before.
//
// Thread safety: all methods from any thread.
class Session {
 public:
  // `address` is "unix:PATH", or the path alone. Errors: INVALID_ARGUMENT for the
  // address, UNAVAILABLE if no daemon has a side door there, its refusal (quota,
  // policy), FAILED_PRECONDITION if it speaks another version.
  static absl::StatusOr<std::unique_ptr<Session>> Open(std::string_view address,
                                                       const SessionOptions& options = {});
  // Ends the session, unless this is a child of the process that opened it. Waits only
  // for a call of on_state that is under way.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Returns the client whose calls are made in the session's name.
  [[nodiscard]] Client& client();
  // Returns the session's number in this process. Errors: as Open.
  absl::StatusOr<SessionId> id();
  // Returns the mapping, which lives as long as this object, in a child too.
  [[nodiscard]] const Mapping& mapping() const;
  [[nodiscard]] Updates update_mode() const;
  // Returns this process's state. A child that has not called yet is admitted first,
  // which may take as long as a call.
  [[nodiscard]] SessionState state();

  // Returns the integer at a pointer into the arena. REQUIRES: as Ref.
  template <SlotInteger T>
  [[nodiscard]] Ref<T> At(Pointer pointer) const {
    return Ref<T>(mapping(), pointer);
  }
  // Finds the counter of that name, or makes it. Errors: the daemon's; DATA_LOSS for a
  // pointer that lies outside the arena.
  absl::StatusOr<Ref<std::uint64_t>> Counter(std::string_view name);
  // Finds the variable of that name, of sizeof(T) bytes in each unit, or makes it,
  // zeroed. Errors: as Counter; INVALID_ARGUMENT if the variable has another size.
  template <ArenaStruct T>
  absl::StatusOr<StructRef<T>> Struct(std::string_view name) {
    const absl::StatusOr<Pointer> pointer = OpenBytes(name, sizeof(T), alignof(T));
    if (!pointer.ok()) return pointer.status();
    return StructRef<T>(mapping(), *pointer);
  }

  // Makes a heap of areas in chunks that are leased for this session. It allocates in
  // nanoseconds, without the daemon. Its areas end with the heap, and the session must
  // outlive it. A child of a fork opens a session of its own for a heap. Errors:
  // FAILED_PRECONDITION if this process may not write the arena.
  absl::StatusOr<std::unique_ptr<LeaseHeap>> NewHeap(const HeapOptions& options = {});

  // A heap in one chunk with a name. The chunk outlives heap, session and process: the
  // next process that opens it finds the areas and bytes that were there.
  struct KeptHeap {
    std::unique_ptr<LeaseHeap> heap;
    // Says what lives in the chunk, or why it was cleared.
    Adoption adoption;
  };
  // Opens the kept heap of that name. Errors: FAILED_PRECONDITION while another session
  // holds it; as NewHeap.
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
