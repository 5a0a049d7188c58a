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

#include "client/c/thread_area.h"

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
// What a message of ours holds at most.
constexpr std::size_t kMessageBytes = 8192;
// The daemon's limit is lower.
constexpr std::size_t kLongestName = 4096;
// percpud.v1.VARIABLE_TYPE_COUNTER.
constexpr std::uint8_t kCounterType = 1;
// google.rpc.Code FAILED_PRECONDITION.
constexpr std::uint32_t kFailedPrecondition = 9;

std::size_t Hash(const char* name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (; *name != '\0'; ++name) hash = (hash ^ static_cast<unsigned char>(*name)) * 0x100000001b3;
  return static_cast<std::size_t>(hash >> 32);
}

}  // namespace

template <typename Visit>
void percpud_client::ForEach(Visit visit) const {
  for (Counter* counter : counters) {
    for (; counter != nullptr; counter = counter->next) visit(*counter);
  }
}

void percpud_client::Say(percpud_notice what, const char* text) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(what);
  if ((said & bit) != 0 || notice == nullptr) return;
  said |= bit;
  notice(notice_context, what, text);
}

void percpud_client::Advance(std::int64_t now_ns) {
  percpud::c::RegisterThread();
  if (state == State::kAway) Connect(now_ns);
  if (state == State::kGreeting) Greet(now_ns);
  if (state == State::kAttached) ReceiveAnswers();
  if (state == State::kAttached) Ask();
}

bool percpud_client::Fold() {
  // What has a place does not need the daemon.
  ForEach([](Counter& counter) {
    const Place* const place = counter.place.load(std::memory_order_relaxed);
    if (place == nullptr || counter.local.load(std::memory_order_relaxed) == 0) return;
    const std::uint64_t n = counter.local.exchange(0, std::memory_order_relaxed);
    if (!AddAt(*place, n)) counter.local.fetch_add(n, std::memory_order_relaxed);
  });
  if (state == State::kAttached) SendLocals();
  return IsSettled();
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
  next_try_ns = now_ns + kSecondNs;
  const bool rseq = percpud::c::RegisterThread();
  door =
      percpud::c::Knock(address, version, rseq ? abi::kCanRseq | abi::kCanAtomic : abi::kCanAtomic);
  if (door == kNoDoor) {
    char text[256];
    std::snprintf(text, sizeof(text), "%s: %s", address, std::strerror(errno));
    Say(PERCPUD_NO_DAEMON, text);
    return;
  }
  state = State::kGreeting;
  greeting_ends_ns = now_ns + kGreetingNs;
}

void percpud_client::Greet(std::int64_t now_ns) {
  const Greeting greeting = percpud::c::ReceiveGreeting(door);
  switch (greeting.kind) {
    case Greeting::Kind::kNothingYet:
      if (now_ns < greeting_ends_ns) return;
      Say(PERCPUD_NOT_ADMITTED, "the daemon does not answer");
      break;
    case Greeting::Kind::kHungUp:
      Say(PERCPUD_NOT_ADMITTED, "the daemon hung up");
      break;
    case Greeting::Kind::kRefusal:
      // A daemon before the lane refuses its version and would take the one before.
      if (greeting.code == kFailedPrecondition && version == abi::kHandoffLaneVersion) {
        Say(PERCPUD_OLD_DAEMON, greeting.text);
      } else {
        Say(PERCPUD_NOT_ADMITTED, greeting.text);
      }
      break;
    case Greeting::Kind::kWelcome:
      Attach(greeting);
      if (greeting.arena >= 0) close(greeting.arena);
      close(greeting.layout);
      return;
  }
  HangUp();
}

void percpud_client::Attach(const Greeting& greeting) {
  if (greeting.welcome.version != abi::kHandoffLaneVersion) {
    Say(PERCPUD_OLD_DAEMON, "the daemon does not open counters by the side door");
    HangUp();
    return;
  }
  Arena* const mapped = percpud::c::MapArena(greeting.arena, greeting.layout,
                                             static_cast<abi::MapMode>(greeting.welcome.granted));
  if (mapped == nullptr || mapped->base == nullptr) {
    if (mapped != nullptr) percpud::c::UnmapArena(mapped);
    Say(PERCPUD_NOT_ADMITTED, "the arena cannot be mapped");
    HangUp();
    return;
  }
  state = State::kAttached;
  if (!mapped->writable) Say(PERCPUD_NOT_MAPPED, "updates go to the daemon");
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
}

void percpud_client::ForgetRequests() {
  for (; answered != asked; ++answered) {
    Counter& counter = *waiting[answered % kMostUnderWay];
    // Whether the daemon added it nobody can say; twice would be worse than not at all.
    counter.under_way = 0;
    if (counter.standing == Standing::kAsked) Enqueue(counter);
  }
}

// Asks for the counters that nobody has asked for.
void percpud_client::Ask() {
  std::array<std::byte, kMessageBytes> memory;
  abi::LaneRequestWriter writer(memory);
  const std::uint64_t first = asked;
  while (unasked_first != nullptr && !IsFull() && WriteOpen(*unasked_first, writer)) {
    unasked_first = unasked_first->next_unasked;
  }
  Send(writer, first);
}

// False if the message is full. A name that fits into no message is refused here.
bool percpud_client::WriteOpen(Counter& counter, abi::LaneRequestWriter& writer) {
  const abi::LaneOpenVariableRequest request{.name = counter.name,
                                             .type = kCounterType,
                                             .size = sizeof(std::uint64_t),
                                             .alignment = sizeof(std::uint64_t),
                                             .create = true};
  if (request.name.size() > kLongestName) {
    counter.standing = Standing::kRefused;
    Say(PERCPUD_COUNTER_REFUSED, "a counter's name is too long");
    return true;
  }
  if (!writer.OpenVariable(asked, request)) return false;
  counter.standing = Standing::kAsked;
  waiting[asked++ % kMostUnderWay] = &counter;
  return true;
}

// Sends to the daemon what this process cannot add itself.
void percpud_client::SendLocals() {
  std::array<std::byte, kMessageBytes> memory;
  abi::LaneRequestWriter writer(memory);
  const std::uint64_t first = asked;
  ForEach([&](Counter& counter) { WriteAdd(counter, writer); });
  Send(writer, first);
}

bool percpud_client::WriteAdd(Counter& counter, abi::LaneRequestWriter& writer) {
  if (IsFull() || counter.standing != Standing::kOpen || counter.under_way != 0) return false;
  if (counter.local.load(std::memory_order_relaxed) == 0) return false;
  const std::uint64_t n = counter.local.exchange(0, std::memory_order_relaxed);
  const abi::LaneAdd add{.pointer = counter.pointer,
                         .delta = static_cast<std::int64_t>(n),
                         .unit = abi::kLaneAnyUnit,
                         .width = sizeof(std::uint64_t)};
  if (!writer.Add(asked, add)) {
    counter.local.fetch_add(n, std::memory_order_relaxed);
    return false;
  }
  counter.under_way = n;
  waiting[asked++ % kMostUnderWay] = &counter;
  return true;
}

// Sends the requests from `first` on. What cannot go out now is taken back.
bool percpud_client::Send(abi::LaneRequestWriter& writer, std::uint64_t first) {
  if (asked == first) return true;
  const abi::LaneBytes message = writer.message();
  const ssize_t sent = send(door, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(message.size())) return true;
  const bool full = sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS);
  TakeBack(first);
  if (!full) HangUp();
  return false;
}

void percpud_client::TakeBack(std::uint64_t first) {
  for (std::uint64_t id = first; id != asked; ++id) {
    Counter& counter = *waiting[id % kMostUnderWay];
    if (counter.standing == Standing::kAsked) Enqueue(counter);
    counter.local.fetch_add(std::exchange(counter.under_way, 0), std::memory_order_relaxed);
  }
  asked = first;
}

void percpud_client::ReceiveAnswers() {
  while (true) {
    const ssize_t size = recv(door, inbox.data(), inbox.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    abi::LaneAnswerReader reader({inbox.data(), size > 0 ? static_cast<std::size_t>(size) : 0});
    abi::LaneAnswer answer;
    auto found = abi::LaneNext::kMalformed;
    while (size > 0 && (found = reader.Next(answer)) == abi::LaneNext::kRecord) {
      if (!TakeAnswer(answer)) break;
    }
    if (found == abi::LaneNext::kEnd) continue;
    // It hung up, or says what it cannot.
    HangUp();
    return;
  }
}

// False if nobody waits for it.
bool percpud_client::TakeAnswer(const abi::LaneAnswer& answer) {
  if (answered == asked || answer.id != answered) return false;
  Counter& counter = *waiting[answered++ % kMostUnderWay];
  const bool opens = counter.standing == Standing::kAsked;
  if ((answer.kind == abi::LaneKind::kOpenVariable) != opens) return false;
  if (answer.code != 0) {
    TakeRefusal(counter, answer);
  } else if (opens) {
    Publish(counter, abi::LaneLoad<abi::LaneVariable>(answer.body, 0).pointer);
  }
  counter.under_way = 0;
  return true;
}

void percpud_client::TakeRefusal(Counter& counter, const abi::LaneAnswer& answer) {
  // What was refused was not added. It counts locally from now on.
  counter.local.fetch_add(std::exchange(counter.under_way, 0), std::memory_order_relaxed);
  counter.standing = Standing::kRefused;
  abi::LaneErrorView error;
  char text[512] = "";
  if (error.Parse(answer.body)) {
    std::snprintf(text, sizeof(text), "%s: %.*s", counter.name,
                  static_cast<int>(error.text().size()), error.text().data());
  }
  Say(PERCPUD_COUNTER_REFUSED, text);
}

void percpud_client::Publish(Counter& counter, std::uint64_t pointer) {
  assert(arena != nullptr);
  void* const memory = percpud::c::Holds(*arena, pointer) ? std::malloc(sizeof(Place)) : nullptr;
  if (memory == nullptr) {
    counter.standing = Standing::kRefused;
    Say(PERCPUD_COUNTER_REFUSED, "a counter's place is not in the arena, or memory is short");
    return;
  }
  const bool sequences = arena->writable && arena->mode == abi::UpdateMode::kRseq;
  places = new (memory)
      Place{.unit0 = arena->base + pointer,
            .sequences = sequences ? percpud::rseq::CpuTable{.entry = arena->cpus.cpu0()}
                                   : percpud::rseq::CpuTable{},
            .arena = arena,
            .pointer = pointer,
            .next = places};
  counter.Publish(places);
  counter.pointer = pointer;
  counter.standing = Standing::kOpen;
}

Counter* percpud_client::Find(const char* name) {
  Counter*& bucket = counters[Hash(name) % kBuckets];
  for (Counter* counter = bucket; counter != nullptr; counter = counter->next) {
    if (std::strcmp(counter->name, name) == 0) return counter;
  }
  char* const copy = strdup(name);
  void* const memory = copy == nullptr ? nullptr : std::malloc(sizeof(Counter));
  if (memory == nullptr) {
    std::free(copy);
    return nullptr;
  }
  auto* const made = new (memory) Counter;
  made->name = copy;
  made->next = bucket;
  bucket = made;
  Enqueue(*made);
  return made;
}

void percpud_client::BeginAnew() {
  // Not closed: the session that it stands for is the parent's.
  door = kNoDoor;
  state = State::kAway;
  next_try_ns = 0;
  ForgetRequests();
  ForEach([](Counter& counter) { counter.local.store(0, std::memory_order_relaxed); });
}

void percpud_client::FreeAll() {
  if (door != kNoDoor) close(door);
  while (places != nullptr) {
    Place* const after = places->next;
    std::free(places);
    places = after;
  }
  for (Counter* counter : counters) {
    while (counter != nullptr) {
      Counter* const after = counter->next;
      std::free(counter->name);
      std::free(counter);
      counter = after;
    }
  }
  while (arena != nullptr) {
    Arena* const before = arena->next;
    percpud::c::UnmapArena(arena);
    arena = before;
  }
  std::free(address);
}
