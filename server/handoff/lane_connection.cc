// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane_connection.h"

#include <algorithm>
#include <cassert>

#include "server/handoff/lane_socket.h"

namespace percpud {

using abi::v1::LaneAnswerRoom;
using abi::v1::LaneBytes;
using abi::v1::LaneNext;
using abi::v1::LaneRequest;
using abi::v1::LaneRequestHeader;
using abi::v1::LaneRequestReader;

LaneConnection::Turn LaneConnection::Serve(LaneDesk& desk) {
  assert(outbox_.empty() && desk.answers.message().empty());
  credit_ = std::min(credit_ + kTurn, kTurn);
  const std::int64_t before = credit_;
  Turn turn = ServeTurn(desk);
  spent_ = before - credit_;
  // However the turn ended, what was answered goes out; the last word to a peer that
  // sends garbage goes behind it.
  if (turn != Turn::kFull) {
    const Turn sent = Send(desk);
    if (sent == Turn::kEnd || (sent == Turn::kFull && turn != Turn::kGarbage)) turn = sent;
  }
  KeepRest(desk);
  return turn;
}

// The desk is another connection's next.
void LaneConnection::KeepRest(const LaneDesk& desk) {
  if (rest_.empty()) {
    rest_ = {};
    inbox_ = {};
  } else if (rest_.data() >= desk.in.data() && rest_.data() < desk.in.data() + desk.in.size()) {
    inbox_.assign(rest_.begin(), rest_.end());
    rest_ = inbox_;
  }
}

LaneConnection::Turn LaneConnection::ServeTurn(LaneDesk& desk) {
  while (credit_ > 0) {
    if (rest_.empty()) {
      const Turn received = Receive(desk);
      if (received != Turn::kMore) return received;
    }
    const LaneRequest request = Front();
    if (desk.answers.room() < LaneAnswerRoom(request)) {
      const Turn sent = Send(desk);
      if (sent != Turn::kMore) return sent;
    }
    if (!desk.serve.Serve(caller_, Pace::kMustNotSleep, request, desk.answers)) {
      return Turn::kSleeps;
    }
    credit_ -= LaneCalls::Cost(request);
    PopFront();
  }
  return Turn::kMore;
}

LaneConnection::Turn LaneConnection::Receive(LaneDesk& desk) {
  std::size_t bytes = 0;
  switch (ReceiveLaneMessage(fd_.get(), desk.in, bytes, desk.strays)) {
    case LaneReceived::kMessage:
      break;
    case LaneReceived::kNothing:
      return Turn::kIdle;
    case LaneReceived::kEnd:
      return Turn::kEnd;
    case LaneReceived::kGarbage:
      return Turn::kGarbage;
  }
  const LaneBytes message(desk.in.data(), bytes);
  // The message is checked as a whole, before any of it is served.
  if (abi::v1::LaneCountRequests(message) == 0) return Turn::kGarbage;
  rest_ = message;
  return Turn::kMore;
}

LaneConnection::Turn LaneConnection::Send(LaneDesk& desk) {
  const LaneBytes message = desk.answers.message();
  if (message.empty()) return Turn::kMore;
  const LaneSent sent = SendLaneMessage(fd_.get(), message);
  if (sent == LaneSent::kFull) outbox_.assign(message.begin(), message.end());
  desk.answers.Clear();
  switch (sent) {
    case LaneSent::kSent:
      return Turn::kMore;
    case LaneSent::kFull:
      return Turn::kFull;
    case LaneSent::kBroken:
      break;
  }
  return Turn::kEnd;
}

void LaneConnection::ServeSleeper(LaneDesk& desk) {
  assert(!rest_.empty() && outbox_.empty() && desk.answers.message().empty());
  const LaneRequest request = Front();
  desk.serve.Serve(caller_, Pace::kMaySleep, request, desk.answers);
  const LaneBytes answer = desk.answers.message();
  outbox_.assign(answer.begin(), answer.end());
  desk.answers.Clear();
  credit_ -= LaneCalls::Cost(request);
  PopFront();
}

LaneConnection::Turn LaneConnection::Flush() {
  if (outbox_.empty()) return Turn::kMore;
  switch (SendLaneMessage(fd_.get(), outbox_)) {
    case LaneSent::kSent:
      outbox_ = {};
      return Turn::kMore;
    case LaneSent::kFull:
      return Turn::kFull;
    case LaneSent::kBroken:
      break;
  }
  return Turn::kEnd;
}

LaneRequest LaneConnection::Front() const {
  LaneRequestReader reader(rest_);
  LaneRequest request;
  const LaneNext next = reader.Next(request);
  assert(next == LaneNext::kRecord);
  static_cast<void>(next);
  return request;
}

void LaneConnection::PopFront() {
  rest_ = rest_.subspan(abi::v1::LaneLoad<LaneRequestHeader>(rest_, 0).bytes);
}

}  // namespace percpud
