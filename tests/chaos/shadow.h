// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the clients were told, in memory that they share with the checker and that the
// daemon never sees.

#ifndef PERCPUD_TESTS_CHAOS_SHADOW_H_
#define PERCPUD_TESTS_CHAOS_SHADOW_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "percpu/types.h"

namespace percpu::chaos {

inline constexpr std::uint64_t kArenaBytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kGranuleBytes = 4;
// Clients at a time. The last one opens a session, works a little and ends it, again and
// again; the others stay.
inline constexpr std::size_t kSlots = 5;
inline constexpr std::size_t kCommuter = kSlots - 1;
// One of those that stay gives its calls up early.
inline constexpr std::size_t kHasty = 0;
inline constexpr std::size_t kMostHeld = 512;
inline constexpr std::size_t kNames = 24;
inline constexpr std::size_t kKeptAreas = 32;

// An owner of areas: one session, or what outlives the sessions of a slot. Numbers are
// not used again.
using Life = std::uint32_t;
inline constexpr Life kNobody = 0;
inline constexpr Life kFirstSession = kSlots + 1;
// How long the daemon waits for sessions after a start.
inline constexpr std::int64_t kResumeSeconds = 30;
inline constexpr Life kMostLives = 1U << 22;
// The owner of a slot's variables and kept areas. It never ends.
inline Life OutlivingLife(std::size_t slot) { return static_cast<Life>(slot) + 1; }

// Where a client is.
enum class Stage : std::uint32_t { kNone, kAdmission, kWorking, kCommit, kEnd, kResting };

// What must never be seen, by kind.
enum class Fault : std::uint32_t {
  // An area, a variable, a lease, a session or bytes that are gone.
  kLost,
  // Memory of two owners at once.
  kTwice,
  // A granted area that was not zero.
  kNonZero,
  // An area that nobody was told of stays granted.
  kLeaked,
  // An answer that no contract allows, a crash, or a standstill.
  kBroken,
};
inline constexpr std::size_t kFaults = 5;
absl::string_view NameOf(Fault fault);

// An area whose bytes are all its stamp, in every unit.
struct HeldArea {
  std::uint64_t pointer;
  std::uint64_t size_bytes;
  std::uint64_t stamp;
};

// What outlives a client: what the next one of its slot has to find.
enum class Standing : std::uint32_t { kAbsent, kMaking, kThere, kRemoving };
struct OutlivingArea {
  std::atomic<Standing> standing;
  HeldArea area;
};

// One slot's.
struct Desk {
  std::atomic<Stage> stage;
  std::atomic<bool> retire;
  // It may end at any moment: whatever it owns may be granted to others.
  std::atomic<bool> doomed;
  // The last rest that the client has gone to.
  std::atomic<std::uint32_t> rested;
  std::atomic<Life> life;
  std::atomic<std::uint64_t> session;
  std::atomic<std::uint64_t> steps;
  std::atomic<std::uint64_t> sessions;
  std::atomic<std::uint64_t> granted;
  std::atomic<std::uint64_t> freed;
  std::atomic<std::uint64_t> refused;
  // Areas that this session may own or not: the answer did not come in time.
  std::atomic<std::uint64_t> uncertain;
  std::atomic<std::uint64_t> all_uncertain;
  // Additions to the counter of all.
  std::atomic<std::uint64_t> adds_begun;
  std::atomic<std::uint64_t> adds_made;
  // Read while the client rests.
  std::atomic<std::uint32_t> held;
  std::array<HeldArea, kMostHeld> areas;
  std::array<OutlivingArea, kNames> names;
  std::array<OutlivingArea, kKeptAreas> kept;
};

// Shared memory that is zero at first. Thread and process safe as its atomics are.
class Shadow {
 public:
  // Each granule's owner, by the address of unit 0's copy.
  std::array<std::atomic<Life>, kArenaBytes / kGranuleBytes> owners;
  // Lives that have ended, or are about to: others may be granted what was theirs.
  std::array<std::atomic<bool>, kMostLives> condemned;
  std::array<std::atomic<std::uint8_t>, kMostLives> slots;
  std::atomic<Life> lives;
  // [session] -> when its client closed it, since the host booted; 0 if it has not. If the
  // daemon was away, it did not hear of it: the session waits for its window to pass.
  std::array<std::atomic<std::int64_t>, kMostLives> left_at;
  // When the last daemon was started: a start opens the windows of all that wait anew.
  std::atomic<std::int64_t> started_at;
  // Not 0: everybody comes to rest, and says this number.
  std::atomic<std::uint32_t> rest;
  std::array<std::atomic<std::uint64_t>, kFaults> faults;
  std::array<Desk, kSlots> desks;

  // Maps the file, which is made if it is not there.
  static absl::StatusOr<Shadow*> Map(const std::string& path);

  // Returns the number of a new session of that slot.
  Life NewLife(std::size_t slot);
  // Enters an area as this life's. Reports what another life still owns.
  void Mark(Life life, std::uint64_t pointer, std::uint64_t size_bytes);
  // Takes it out again. Called before the daemon is asked to free it.
  void Clear(Life life, std::uint64_t pointer, std::uint64_t size_bytes);
  // From now on others may be granted what this life owns.
  void Condemn(Life life) { condemned.at(life) = true; }

  // Notes that a daemon is started now.
  void NoteStart();
  // Notes that a client has closed its session.
  void Leave(std::uint64_t session);
  // Whether that was so short ago that the daemon need not have heard of it, or its window
  // may not have passed since the last start.
  [[nodiscard]] bool MayWait(std::uint64_t session) const;

  // Counts a fault and says it on standard error.
  void Report(Fault fault, const std::string& what);
  [[nodiscard]] std::uint64_t Faults() const;
  [[nodiscard]] std::uint64_t Steps() const;

 private:
  [[nodiscard]] bool OwnsForSure(Life life) const;
};

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_SHADOW_H_
