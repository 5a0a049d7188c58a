// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a client asks of the daemon once it is attached, and what it is answered.

#include <sys/socket.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "client/c/client.h"

namespace {

namespace abi = percpud::abi::v1;
using percpud::c::Counter;
using percpud::c::Standing;

// What a message of ours holds at most.
constexpr std::size_t kMessageBytes = 8192;
// The daemon's limit is lower.
constexpr std::size_t kLongestName = 4096;
// percpud.v1.VARIABLE_TYPE_COUNTER.
constexpr std::uint8_t kCounterType = 1;

}  // namespace

void percpud_client::ForgetRequests() {
  for (; answered != asked; ++answered) {
    const Waiting& one = waiting[answered % kMostUnderWay];
    if (one.counter == nullptr) continue;
    Counter& counter = *one.counter;
    // Whether the daemon added it nobody can say; twice would be worse than not at all.
    counter.under_way = 0;
    if (counter.standing == Standing::kAsked) Enqueue(counter);
  }
  series.AskAgain();
  if (command != nullptr && command->is_sent() && !command->is_done()) {
    command->Fail("the daemon hung up before it answered");
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
  waiting[asked++ % kMostUnderWay] = {.counter = &counter, .series = 0};
  return true;
}

// Asks for the series that nobody has asked for. A message holds as many as fit.
void percpud_client::AskForSeries() {
  while (series.MayAsk() && !IsFull()) {
    // Nothing that was received is looked at any more.
    abi::LaneOpenSeriesBody body(inbox);
    const std::uint32_t count = series.WriteOpen(body, name_space);
    if (count == 0) continue;
    const std::uint64_t first = asked;
    abi::LaneRequestWriter message(outbox);
    const bool fits = message.OpenSeries(asked, body.body());
    assert(fits);
    static_cast<void>(fits);
    waiting[asked++ % kMostUnderWay] = {.counter = nullptr, .series = count};
    if (!Send(message, first)) return;
  }
}

void percpud_client::SendCommand() {
  if (command == nullptr || command->is_sent() || command->is_done() || IsFull()) return;
  // What was there before is opened before.
  if (unasked_first != nullptr || series.HasUnasked()) return;
  abi::LaneRequestWriter message(outbox);
  const std::uint64_t first = asked;
  if (!command->Write(asked, message)) {
    command->Fail("its names and labels fit into no message");
    return;
  }
  waiting[asked++ % kMostUnderWay] = {.counter = nullptr, .series = 0};
  Send(message, first);
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
  waiting[asked++ % kMostUnderWay] = {.counter = &counter, .series = 0};
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
    const Waiting& one = waiting[id % kMostUnderWay];
    if (one.counter == nullptr) {
      if (one.series == 0) {
        command->TakeBack();
      } else {
        series.TakeBack(one.series);
      }
      continue;
    }
    Counter& counter = *one.counter;
    if (counter.standing == Standing::kAsked) Enqueue(counter);
    counter.local.fetch_add(std::exchange(counter.under_way, 0), std::memory_order_relaxed);
  }
  asked = first;
}

void percpud_client::ReceiveAnswers(std::int64_t now_ns) {
  while (true) {
    const ssize_t size = recv(door, inbox.data(), inbox.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    abi::LaneAnswerReader reader({inbox.data(), size > 0 ? static_cast<std::size_t>(size) : 0});
    abi::LaneAnswer answer;
    auto found = abi::LaneNext::kMalformed;
    while (size > 0 && (found = reader.Next(answer)) == abi::LaneNext::kRecord) {
      if (!TakeAnswer(answer, now_ns)) break;
    }
    if (found == abi::LaneNext::kEnd) continue;
    // It hung up, or says what it cannot.
    HangUp();
    return;
  }
}

// False if nobody waits for it.
bool percpud_client::TakeAnswer(const abi::LaneAnswer& answer, std::int64_t now_ns) {
  if (answered == asked || answer.id != answered) return false;
  const Waiting one = waiting[answered % kMostUnderWay];
  bool taken = false;
  if (one.counter != nullptr) {
    taken = TakeCounter(*one.counter, answer);
  } else if (one.series != 0) {
    taken =
        answer.kind == abi::LaneKind::kOpenSeries && series.TakeAnswer(answer, one.series, now_ns);
  } else {
    // The one who asked may have given up.
    const bool is_waited_for =
        command != nullptr && command->is_sent() && command->id() == answer.id;
    taken = !is_waited_for || command->TakeAnswer(answer, arena);
  }
  if (taken) ++answered;
  return taken;
}

bool percpud_client::TakeCounter(Counter& counter, const abi::LaneAnswer& answer) {
  const bool opens = counter.standing == Standing::kAsked;
  if (answer.kind != (opens ? abi::LaneKind::kOpenVariable : abi::LaneKind::kAdd)) return false;
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
