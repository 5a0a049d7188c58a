// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_ANSWER_ROOM_H_
#define PERCPUD_SERVER_SERVICE_ANSWER_ROOM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "server/base/limits.h"
#include "server/base/units.h"
#include "server/service/peers.h"

namespace percpud {

// Bounds the bytes of answers that are built and not read yet, of each peer and in all. A
// call whose answer may be large enters before it is served. If there is no room it waits
// here, and its answer is not built.
//
//   Enter --room--> served --Settle(bytes)--> answered --Leave--> others enter
//     |                ^
//     +--- waits ------+  OnRoom
//
// A peer that holds nothing may always enter, so that peers who do not read cannot keep
// others from being answered. Hence the limits are exceeded by one answer of each peer.
// Hot thread only, but for Settle, Close and the counts, which are thread safe.
class AnswerRoom {
 public:
  struct Limits {
    Bytes per_peer = kMaxUnreadPerPeer;
    Bytes in_all = kMaxUnread;
  };
  // What a call holds from Enter to Settle, before the size of its answer is known.
  static constexpr Bytes kReserve{256 << 10};

  // A call that waits.
  class Waiter {
   public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    // The call has entered.
    virtual void OnRoom() = 0;

   protected:
    ~Waiter() = default;
  };

  explicit AnswerRoom(Limits limits) : limits_(limits) {}

  // Returns true if the peer's call has entered and holds kReserve. Otherwise `waiter` is
  // called once it has; it outlives its wait.
  bool Enter(PeerAccount& peer, Waiter& waiter);
  // Ends a wait. REQUIRES: `waiter` waits.
  void GiveUp(PeerAccount& peer, Waiter& waiter);
  // Changes what a call holds, `held`, to what its answer takes.
  void Settle(PeerAccount& peer, Bytes held, Bytes answer);
  // Gives back what a call holds. Those who wait enter as far as there is room.
  void Leave(PeerAccount& peer, Bytes held);
  // Lets everybody enter from now on: the daemon drains. Those who wait go on waiting.
  void Close() { closed_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] bool is_closed() const { return closed_.load(std::memory_order_relaxed); }
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_.load(std::memory_order_relaxed)); }
  [[nodiscard]] std::size_t waiting() const { return count_.load(std::memory_order_relaxed); }

 private:
  using Queue = std::deque<Waiter*>;

  [[nodiscard]] bool HasRoomFor(const PeerAccount& peer) const;
  void Hold(PeerAccount& peer, Bytes bytes);
  void Resume();
  // Lets a call enter of the first peer in turn for which there is room. Returns whether
  // there was one.
  bool ResumeOne();

  const Limits limits_;
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::size_t> count_{0};
  // Each peer that waits has a queue and one turn.
  absl::flat_hash_map<PeerAccount*, Queue> waiting_;
  std::deque<PeerAccount*> turns_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_ANSWER_ROOM_H_
