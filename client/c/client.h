// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A client of one daemon, as a state machine that never waits:
//
//     kAway  --connects, says Hello-->  kGreeting  --Welcome-->  kAttached
//       ^                                   |                        |
//       +------- refused, hung up, too late +--------- hung up ------+
//
// Attached, it asks for the counters and series that have no pointer, in batches, and
// moves what was counted locally to where it belongs: into the arena, or to the daemon in an Add.
// Nothing is sent twice. An Add whose answer never comes is lost with it, as is what a
// kill finds between the exchange with 0 and the addition.
//
// The session is the process's own: a child of a fork starts at kAway, and keeps the
// parent's descriptor open, unused. After a restart of the daemon the session goes on if
// the daemon still knows its token; otherwise it is a new one.

#ifndef PERCPUD_CLIENT_C_CLIENT_H_
#define PERCPUD_CLIENT_C_CLIENT_H_

#include <pthread.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "client/c/arena.h"
#include "client/c/command.h"
#include "client/c/counter.h"
#include "client/c/door.h"
#include "client/c/percpud.h"
#include "client/c/reader.h"
#include "client/c/series_book.h"
#include "client/c/table.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::c {

// Holds a lock while it lives. Locking a mutex of our own cannot fail.
class Locked {
 public:
  explicit Locked(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~Locked() { pthread_mutex_unlock(&mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

}  // namespace percpud::c

// Guarded by `mutex` from end to end; REQUIRES it in every method.
struct percpud_client {
  enum class State : std::uint8_t { kAway, kGreeting, kAttached };
  // Their answers fit into a socket's room.
  static constexpr std::uint64_t kMostUnderWay = 128;

  // What waits for an answer: a counter, a number of series, or with neither a command,
  // which may have been given up since.
  struct Waiting {
    percpud::c::Counter* counter;
    std::uint32_t series;
  };

  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  char* address = nullptr;
  // Null: the daemon's defaults.
  char* name_space = nullptr;
  std::uint32_t open_wait_ms = 0;
  // The group that the namespace is shared with.
  std::optional<std::uint32_t> group;
  // Openings do not wait before this: the last one waited in vain.
  std::int64_t no_wait_before_ns = 0;
  percpud_notice_fn notice = nullptr;
  void* notice_context = nullptr;
  // Bit n: percpud_notice n has been said.
  std::uint32_t said = 0;

  State state = State::kAway;
  int door = percpud::c::kNoDoor;
  std::uint32_t version = percpud::abi::v1::kHandoffLaneVersion;
  std::int64_t next_try_ns = 0;
  // The session's; zeros if there is none.
  std::array<std::uint8_t, 16> token{};
  std::int64_t greeting_ends_ns = 0;
  // The current one first; the others belong to daemons that are gone.
  percpud::c::Arena* arena = nullptr;
  percpud::c::Table<percpud::c::Counter> counters;
  percpud::c::Place* places = nullptr;
  percpud_variable* variables = nullptr;
  percpud::c::Counter* unasked_first = nullptr;
  percpud::c::Counter* unasked_last = nullptr;
  // Requests are numbered, and answered in order: those from `answered` to before
  // `asked` wait, each for the counter at its number.
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::array<Waiting, kMostUnderWay> waiting{};
  percpud::c::SeriesBook series{*this};
  std::array<std::byte, percpud::abi::v1::kLaneMessageBytes> inbox;
  std::array<std::byte, percpud::abi::v1::kLaneMessageBytes> outbox;
  // What the caller waits for who holds `reading`; null: nothing.
  percpud::c::Command* command = nullptr;
  // Why the last such caller failed, or what keeps the daemon away.
  std::array<char, 256> reason{};
  // For those who may wait. Taken before `mutex`.
  pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
  percpud::c::Reader* metrics_reader = nullptr;
  // During a fork: another thread holds `reading`.
  bool is_read_by_another = false;
  // All clients of the process, for fork.
  percpud_client* next = nullptr;

  // Connects, is greeted, asks for counters, hears answers: as far as that goes
  // without waiting.
  void Advance(std::int64_t now_ns);
  // Moves what was counted locally to where it belongs. Looks at every counter. True
  // if nothing is left to do.
  bool Fold();
  // Whether an answer may come that changes something.
  [[nodiscard]] bool IsBusy() const;
  // The counter of that name, made if there is none. Null if memory is short.
  percpud::c::Counter* Find(const char* name);
  // Forgets what is the parent's, in the child of a fork. If the parent was attached, it
  // knocks in the child's name, without waiting and without a word if nobody is there.
  void BeginAnew(std::int64_t now_ns);
  // Forgets what a thread of the parent is doing that held `reading`.
  void ForgetReading();
  void FreeAll();

  // Says it the first time, or again.
  void Say(percpud_notice what, const char* text);
  void SayAgain(percpud_notice what, const char* text);
  void SetReason(const char* text);
  void SayOld(const char* why);
  // A place in the arena. Null if it is not there or memory is short. REQUIRES: attached.
  percpud::c::Place* MakePlace(std::uint64_t pointer, const percpud::c::Extent& extent);
  // Whether a place is the one of `pointer` in the arena. REQUIRES: attached.
  [[nodiscard]] bool IsThere(const percpud::c::Place& place, std::uint64_t pointer) const;

 private:
  void Connect(std::int64_t now_ns);
  void Greet(std::int64_t now_ns);
  void TakeNoWelcome(const percpud::c::Greeting& greeting, std::int64_t now_ns);
  void Attach(const percpud::c::Greeting& greeting);
  void HangUp();
  void KnockNow(std::int64_t now_ns);

  void Enqueue(percpud::c::Counter& counter);
  void Ask();
  void AskForSeries();
  void SendCommand();
  bool WriteOpen(percpud::c::Counter& counter, percpud::abi::v1::LaneRequestWriter& writer);
  void SendLocals();
  bool WriteAdd(percpud::c::Counter& counter, percpud::abi::v1::LaneRequestWriter& writer);
  bool Send(percpud::abi::v1::LaneRequestWriter& writer, std::uint64_t first);
  void TakeBack(std::uint64_t first);
  void ReceiveAnswers(std::int64_t now_ns);
  bool TakeAnswer(const percpud::abi::v1::LaneAnswer& answer, std::int64_t now_ns);
  bool TakeCounter(percpud::c::Counter& counter, const percpud::abi::v1::LaneAnswer& answer);
  void TakeRefusal(percpud::c::Counter& counter, const percpud::abi::v1::LaneAnswer& answer);
  void Publish(percpud::c::Counter& counter, std::uint64_t pointer);
  void ForgetRequests();
  [[nodiscard]] bool IsFull() const { return asked - answered == kMostUnderWay; }
  [[nodiscard]] bool IsSettled() const;
  template <typename Visit>
  void ForEach(Visit visit) const {
    counters.ForEach(visit);
  }
};

#endif  // PERCPUD_CLIENT_C_CLIENT_H_
