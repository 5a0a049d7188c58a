// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "client/c/advice.h"
#include "client/c/thread_area.h"
#include "client/c/variable.h"

namespace {

namespace abi = percpud::abi::v1;
using percpud::c::AddAt;
using percpud::c::Arena;
using percpud::c::Counter;
using percpud::c::Greeting;
using percpud::c::kNoDoor;
using percpud::c::Place;
using percpud::c::Standing;

constexpr std::int64_t kSecondNs = 1'000'000'000;
// How long a daemon may take for its Welcome.
constexpr std::int64_t kGreetingNs = 2 * kSecondNs;
// google.rpc.Code.
constexpr std::uint32_t kNotFound = 5;
constexpr std::uint32_t kFailedPrecondition = 9;

std::uint64_t Hash(const char* name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (; *name != '\0'; ++name) hash = (hash ^ static_cast<unsigned char>(*name)) * 0x100000001b3;
  return hash;
}

}  // namespace

void percpud_client::Say(percpud_notice what, const char* text) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(what);
  if ((said & bit) != 0 || notice == nullptr) return;
  said |= bit;
  notice(notice_context, what, text);
}

void percpud_client::SetReason(const char* text) {
  std::snprintf(reason.data(), reason.size(), "%s", text);
}

void percpud_client::SayAgain(percpud_notice what, const char* text) {
  if (notice != nullptr) notice(notice_context, what, text);
}

void percpud_client::SayOld(const char* why) {
  char text[384];
  std::snprintf(text, sizeof(text), "%s: %s", why, percpud::c::kAdviceToUpgrade);
  SetReason(text);
  Say(PERCPUD_OLD_DAEMON, text);
}

void percpud_client::Advance(std::int64_t now_ns) {
  percpud::c::RegisterThread();
  if (state == State::kAway) Connect(now_ns);
  if (state == State::kGreeting) Greet(now_ns);
  if (state == State::kAttached) ReceiveAnswers(now_ns);
  if (state != State::kAttached) return;
  series.RetryPostponed(now_ns);
  Ask();
  if (state == State::kAttached) AskForSeries();
  if (state == State::kAttached) SendCommand();
}

bool percpud_client::IsBusy() const {
  return state == State::kGreeting || asked != answered ||
         (state == State::kAttached && (unasked_first != nullptr || series.HasUnasked()));
}

bool percpud_client::Fold() {
  // What has a place does not need the daemon.
  ForEach([](Counter& counter) {
    const Place* const place = counter.place.load(std::memory_order_relaxed);
    if (place == nullptr || counter.local.load(std::memory_order_relaxed) == 0) return;
    const std::uint64_t n = counter.local.exchange(0, std::memory_order_relaxed);
    if (!AddAt(*place, n)) counter.local.fetch_add(n, std::memory_order_relaxed);
  });
  series.Fold();
  if (state == State::kAttached) SendLocals();
  return IsSettled() && series.IsSettled();
}

bool percpud_client::IsSettled() const {
  bool settled = state == State::kAttached && asked == answered;
  ForEach([&settled](const Counter& counter) {
    if (counter.standing != Standing::kOpen) settled = false;
    if (counter.local.load(std::memory_order_relaxed) != 0) settled = false;
  });
  return settled;
}

void percpud_client::Enqueue(Counter& counter) {
  counter.standing = Standing::kUnasked;
  counter.next_unasked = nullptr;
  (unasked_first == nullptr ? unasked_first : unasked_last->next_unasked) = &counter;
  unasked_last = &counter;
}

void percpud_client::Connect(std::int64_t now_ns) {
  if (now_ns < next_try_ns) return;
  KnockNow(now_ns);
  if (door == kNoDoor) {
    char text[256];
    const int error = errno;
    std::snprintf(text, sizeof(text), "%s: %s: %s", address, std::strerror(error),
                  percpud::c::AdviceToReach(error));
    SetReason(text);
    Say(PERCPUD_NO_DAEMON, text);
  }
}

void percpud_client::KnockNow(std::int64_t now_ns) {
  next_try_ns = now_ns + kSecondNs;
  const bool rseq = percpud::c::RegisterThread();
  door = percpud::c::Knock(address, version, abi::MapMode::kReadWrite,
                           rseq ? abi::kCanRseq | abi::kCanAtomic : abi::kCanAtomic, token);
  if (door == kNoDoor) return;
  state = State::kGreeting;
  greeting_ends_ns = now_ns + kGreetingNs;
}

void percpud_client::Greet(std::int64_t now_ns) {
  const Greeting greeting = percpud::c::ReceiveGreeting(door);
  if (greeting.kind == Greeting::Kind::kNothingYet && now_ns < greeting_ends_ns) return;
  if (greeting.kind != Greeting::Kind::kWelcome) {
    HangUp();
    TakeNoWelcome(greeting, now_ns);
    return;
  }
  Attach(greeting);
  if (greeting.arena >= 0) close(greeting.arena);
  close(greeting.layout);
}

void percpud_client::TakeNoWelcome(const Greeting& greeting, std::int64_t now_ns) {
  const bool goes_on = token != decltype(token){};
  token = {};
  if (greeting.kind == Greeting::Kind::kRefusal) {
    // The session has ended meanwhile: there is a new one to be had.
    if (goes_on && greeting.code == kNotFound) {
      KnockNow(now_ns);
      return;
    }
    // A daemon before the lane refuses its version and would take the one before.
    const bool old = greeting.code == kFailedPrecondition && version == abi::kHandoffLaneVersion;
    SetReason(greeting.text);
    if (old) {
      SayOld(greeting.text);
    } else {
      Say(PERCPUD_NOT_ADMITTED, greeting.text);
    }
    return;
  }
  const char* const text = greeting.kind == Greeting::Kind::kHungUp ? "the daemon hung up"
                                                                    : "the daemon does not answer";
  SetReason(text);
  Say(PERCPUD_NOT_ADMITTED, text);
}

void percpud_client::Attach(const Greeting& greeting) {
  if (greeting.welcome.version != abi::kHandoffLaneVersion) {
    SayOld("the daemon does not open counters by the side door");
    HangUp();
    return;
  }
  Arena* const mapped = percpud::c::MapArena(greeting.arena, greeting.layout,
                                             static_cast<abi::MapMode>(greeting.welcome.granted));
  if (mapped == nullptr || mapped->base == nullptr) {
    if (mapped != nullptr) percpud::c::UnmapArena(mapped);
    const char* const text = "the arena cannot be mapped: raise the limit of address space";
    SetReason(text);
    Say(PERCPUD_NOT_ADMITTED, text);
    HangUp();
    return;
  }
  state = State::kAttached;
  if (!mapped->writable) {
    const bool can_rseq = percpud::c::RegisterThread();
    Say(PERCPUD_NOT_MAPPED,
        percpud::c::AdviceToMap(can_rseq || mapped->mode == abi::UpdateMode::kAtomic));
  }
  if (token != greeting.welcome.token) series.BeginSession();
  token = greeting.welcome.token;
  // Whether or not the session goes on, what it has opened is asked for again.
  series.AskAgain();
  // The same arena under a new daemon: what is mapped stays as it is.
  if (arena != nullptr && arena->id == mapped->id && arena->writable == mapped->writable) {
    percpud::c::UnmapArena(mapped);
    return;
  }
  mapped->next = arena;
  arena = mapped;
  unasked_first = nullptr;
  ForEach([this](Counter& counter) {
    counter.pointer = 0;
    Enqueue(counter);
  });
}

void percpud_client::HangUp() {
  if (door != kNoDoor) close(door);
  door = kNoDoor;
  state = State::kAway;
  ForgetRequests();
  // Their cells are the session's, and may be another's when it has ended.
  series.LeaveCells();
}

void percpud_client::Publish(Counter& counter, std::uint64_t pointer) {
  const Place* const place = MakePlace(pointer, {});
  if (place == nullptr) {
    counter.standing = Standing::kRefused;
    Say(PERCPUD_COUNTER_REFUSED, "a counter's place is not in the arena, or memory is short");
    return;
  }
  counter.Publish(place, true);
  counter.pointer = pointer;
  counter.standing = Standing::kOpen;
}

Place* percpud_client::MakePlace(std::uint64_t pointer, const percpud::c::Extent& extent) {
  assert(arena != nullptr);
  if (!percpud::c::Holds(*arena, pointer, extent)) return nullptr;
  void* const memory = std::malloc(sizeof(Place));
  if (memory == nullptr) return nullptr;
  const bool sequences = arena->writable && arena->mode == abi::UpdateMode::kRseq;
  places = new (memory)
      Place{.unit0 = arena->base + pointer,
            .sequences = sequences ? percpud::rseq::CpuTable{.entry = arena->cpus.cpu0()}
                                   : percpud::rseq::CpuTable{},
            .arena = arena,
            .pointer = pointer,
            .next = places};
  return places;
}

bool percpud_client::IsThere(const Place& place, std::uint64_t pointer) const {
  return place.arena == arena && place.pointer == pointer;
}

Counter* percpud_client::Find(const char* name) {
  const std::uint64_t hash = Hash(name);
  Counter* const found = counters.Find(
      hash, [name](const Counter& counter) { return std::strcmp(counter.name, name) == 0; });
  if (found != nullptr) return found;
  char* const copy = strdup(name);
  void* const memory = copy == nullptr ? nullptr : std::malloc(sizeof(Counter));
  if (memory == nullptr) {
    std::free(copy);
    return nullptr;
  }
  auto* const made = new (memory) Counter;
  made->name = copy;
  made->hash = hash;
  if (!counters.Add(*made)) {
    std::free(copy);
    std::free(made);
    return nullptr;
  }
  Enqueue(*made);
  return made;
}

void percpud_client::BeginAnew(std::int64_t now_ns) {
  const bool was_attached = state == State::kAttached;
  // Not closed: the session that it stands for is the parent's.
  door = kNoDoor;
  state = State::kAway;
  next_try_ns = 0;
  token = {};
  no_wait_before_ns = 0;
  ForgetRequests();
  ForEach([](Counter& counter) { counter.local.store(0, std::memory_order_relaxed); });
  series.BeginAnew();
  if (was_attached) KnockNow(now_ns);
}

// The reader is in the middle of something, so it is left as it is, but for its connection,
// which would keep the parent's session.
void percpud_client::ForgetReading() {
  reading = PTHREAD_MUTEX_INITIALIZER;
  command = nullptr;
  if (metrics_reader != nullptr) metrics_reader->BeginAnew();
  metrics_reader = nullptr;
}

void percpud_client::FreeAll() {
  if (door != kNoDoor) close(door);
  while (places != nullptr) {
    Place* const after = places->next;
    std::free(places);
    places = after;
  }
  while (variables != nullptr) {
    percpud_variable* const after = variables->next;
    std::free(variables);
    variables = after;
  }
  ForEach([](Counter& counter) {
    std::free(counter.name);
    std::free(&counter);
  });
  while (arena != nullptr) {
    Arena* const before = arena->next;
    percpud::c::UnmapArena(arena);
    arena = before;
  }
  series.FreeAll();
  if (metrics_reader != nullptr) metrics_reader->~Reader();
  std::free(metrics_reader);
  std::free(address);
  std::free(name_space);
}
