// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane_calls.h"

#include <cassert>
#include <cstddef>
#include <optional>
#include <string>

#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/session/wire_numbers.h"

namespace percpud {
namespace {

using abi::v1::LaneAdd;
using abi::v1::LaneAllocView;
using abi::v1::LaneAnswerWriter;
using abi::v1::LaneKind;
using abi::v1::LaneLoad;
using abi::v1::LaneOpenVariableView;
using abi::v1::LanePointersView;
using abi::v1::LaneRequest;
using abi::v1::LaneVariable;

LaneVariable AnswerFor(const OpenedVariable& opened) {
  return {.pointer = opened.variable.pointer.value(),
          .size = opened.variable.size.value(),
          .maker = opened.variable.maker.uid.value(),
          .type = NumberOf(opened.variable.type),
          .created = static_cast<std::uint8_t>(opened.created),
          .reserved = 0};
}

static_assert(abi::v1::kLaneNoMaker == kNobody.value());

// nullopt for a kind without a name.
std::optional<Rpc> RpcOf(LaneKind kind) {
  switch (kind) {
    case LaneKind::kPing:
      return Rpc::kPing;
    case LaneKind::kAlloc:
      return Rpc::kAlloc;
    case LaneKind::kFree:
      return Rpc::kFree;
    case LaneKind::kAdd:
      return Rpc::kAdd;
    case LaneKind::kOpenVariable:
      return Rpc::kOpenVariable;
    case LaneKind::kOpenSeries:
      return Rpc::kOpenSeries;
    case LaneKind::kRemoveSeries:
      return Rpc::kRemoveSeries;
    case LaneKind::kCloseWriter:
      return Rpc::kCloseWriter;
    case LaneKind::kListFamilies:
      return Rpc::kListFamilies;
    case LaneKind::kReadSeries:
      return Rpc::kReadSeries;
    case LaneKind::kResetNamespace:
      return Rpc::kResetNamespace;
    case LaneKind::kWatchSeries:
      return Rpc::kWatchSeries;
  }
  return std::nullopt;
}

Caller WithNumber(const Caller& caller, std::uint64_t number) {
  Caller out = caller;
  out.request = RequestId(number);
  return out;
}

}  // namespace

std::uint32_t LaneCalls::Cost(const LaneRequest& request) {
  // Measured: eight more entries cost about as much as the call itself.
  constexpr std::size_t kBytesOfACall = 64;
  const bool is_page = request.kind == LaneKind::kListFamilies ||
                       request.kind == LaneKind::kReadSeries ||
                       request.kind == LaneKind::kWatchSeries;
  const std::size_t bytes = is_page ? abi::v1::kLanePageBytes : request.body.size();
  return 1 + static_cast<std::uint32_t>(bytes / kBytesOfACall);
}

// A batch of thousands would hold the thread that serves all for as long as it takes.
bool LaneCalls::IsLong(const LaneRequest& request) {
  constexpr std::uint32_t kMostOfATurn = 65;
  return Cost(request) > kMostOfATurn;
}

bool LaneCalls::Serve(const Caller& caller, Pace pace, const LaneRequest& request,
                      LaneAnswerWriter& answers) {
  const CallStats::Timer timer;
  const Outcome outcome = Dispatch(caller, pace, request, answers);
  if (!outcome) {
    assert(pace == Pace::kMustNotSleep);
    return false;
  }
  if (const auto rpc = RpcOf(request.kind)) calls_.stats().Count(*rpc, outcome->code(), timer);
  if (outcome->ok()) return true;
  const absl::string_view reason = errors::ReasonOf(*outcome);
  const absl::string_view text = outcome->message();
  const bool written = answers.Error(
      request.kind, request.id, static_cast<std::uint16_t>(outcome->code()),
      std::string_view(reason.data(), reason.size()), std::string_view(text.data(), text.size()));
  assert(written);
  return written;
}

Outcome LaneCalls::Dispatch(const Caller& caller, Pace pace, const LaneRequest& request,
                            LaneAnswerWriter& answers) {
  if (pace == Pace::kMustNotSleep && IsLong(request)) return kWouldSleep;
  switch (request.kind) {
    case LaneKind::kPing:
      return Ping(caller, request.id, answers);
    case LaneKind::kAlloc:
      return Alloc(WithNumber(caller, request.number), pace, request, answers);
    case LaneKind::kFree:
      return Free(WithNumber(caller, request.number), request, answers);
    case LaneKind::kAdd:
      return Add(caller, pace, request, answers);
    case LaneKind::kOpenVariable:
      return OpenVariable(caller, pace, request, answers);
    case LaneKind::kOpenSeries:
      return metrics_.OpenSeries(caller, pace, request, answers);
    case LaneKind::kListFamilies:
      return metrics_.ListFamilies(caller, request, answers);
    case LaneKind::kReadSeries:
      return metrics_.ReadSeries(caller, request, answers);
    case LaneKind::kRemoveSeries:
      return metrics_.RemoveSeries(caller, pace, request, answers);
    case LaneKind::kResetNamespace:
      return metrics_.ResetNamespace(caller, pace, request, answers);
    case LaneKind::kCloseWriter:
      return metrics_.CloseWriter(caller, pace, request, answers);
    case LaneKind::kWatchSeries:
      return metrics_.WatchSeries(caller, request, answers);
  }
  return errors::LaneKindUnknown(static_cast<std::uint16_t>(request.kind));
}

Outcome LaneCalls::Ping(const Caller& caller, std::uint64_t id, LaneAnswerWriter& answers) {
  RETURN_IF_ERROR(calls_.Ping(caller));
  answers.Ping(id);
  return absl::OkStatus();
}

Outcome LaneCalls::Alloc(const Caller& caller, Pace pace, const LaneRequest& request,
                         LaneAnswerWriter& answers) {
  LaneAllocView alloc;
  const bool parsed = alloc.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  RETURN_IF_ERROR(calls_.ReadSpecs(
      alloc.sizes(), [&](std::size_t i) { return alloc.size(static_cast<std::uint32_t>(i)); },
      alloc.alignments(),
      [&](std::size_t i) { return alloc.alignment(static_cast<std::uint32_t>(i)); }, specs_));
  ASSIGN_OR_RETURN(const Region region, RegionFrom(alloc.region()));
  pointers_.resize(specs_.size());
  const std::string_view tag = alloc.tag();
  const AllocOptions options{.region = region,
                             .no_grow = alloc.no_grow(),
                             .tag = absl::string_view(tag.data(), tag.size())};
  Outcome outcome = calls_.Alloc(caller, pace, specs_, options, pointers_);
  if (!outcome || !outcome->ok()) return outcome;
  words_.resize(pointers_.size());
  for (std::size_t i = 0; i < pointers_.size(); ++i) words_[i] = pointers_[i].value();
  answers.Alloc(request.id, words_);
  return absl::OkStatus();
}

Outcome LaneCalls::Free(const Caller& caller, const LaneRequest& request,
                        LaneAnswerWriter& answers) {
  LanePointersView free;
  const bool parsed = free.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  pointers_.resize(free.pointers());
  for (std::uint32_t i = 0; i < free.pointers(); ++i) pointers_[i] = PercpuPtr(free.pointer(i));
  ASSIGN_OR_RETURN(const Bytes freed, calls_.Free(caller, pointers_));
  answers.Free(request.id, {.freed_bytes = freed.value()});
  return absl::OkStatus();
}

Outcome LaneCalls::Add(const Caller& caller, Pace pace, const LaneRequest& request,
                       LaneAnswerWriter& answers) {
  const auto add = LaneLoad<LaneAdd>(request.body, 0);
  Calls::AddRequest asked{
      .pointer = PercpuPtr(add.pointer), .delta = add.delta, .width = Bytes(add.width)};
  if (add.unit != abi::v1::kLaneAnyUnit) asked.unit = UnitId(add.unit);
  const OutcomeOr<Updater::Added> added = calls_.Add(caller, pace, asked);
  if (!added) return kWouldSleep;
  RETURN_IF_ERROR(added->status());
  answers.Add(request.id,
              {.value = (*added)->value, .unit = (*added)->unit.value(), .reserved = 0});
  return absl::OkStatus();
}

Outcome LaneCalls::OpenVariable(const Caller& caller, Pace pace, const LaneRequest& request,
                                LaneAnswerWriter& answers) {
  LaneOpenVariableView asked;
  const bool parsed = asked.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  ASSIGN_OR_RETURN(const VariableType type, VariableTypeFrom(asked.head().type));
  const OutcomeOr<OpenedVariable> opened =
      calls_.OpenVariable(caller, pace,
                          {.name = std::string(asked.name()),
                           .type = type,
                           .size = Bytes(asked.head().size),
                           .alignment = Bytes(asked.head().alignment),
                           .create = asked.head().create != 0});
  if (!opened) return kWouldSleep;
  RETURN_IF_ERROR(opened->status());
  answers.OpenVariable(request.id, AnswerFor(**opened));
  return absl::OkStatus();
}

}  // namespace percpud
