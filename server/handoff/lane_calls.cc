// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane_calls.h"

#include <cassert>
#include <string>
#include <utility>

#include "proto/percpud/abi/v1/lane_numbers.h"
#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/percpu/layout/static_layout.h"

namespace percpud {
namespace {

using abi::v1::LaneAdd;
using abi::v1::LaneAdded;
using abi::v1::LaneAllocView;
using abi::v1::LaneAnswerWriter;
using abi::v1::LaneKind;
using abi::v1::LaneLoad;
using abi::v1::LaneOpenVariableView;
using abi::v1::LanePointersView;
using abi::v1::LaneRequest;
using abi::v1::LaneVariable;

using RegionNumbers = abi::v1::RegionNumbers<Region>;
using TypeNumbers = abi::v1::VariableTypeNumbers<VariableType>;

absl::StatusOr<Region> RegionFrom(std::uint8_t number) {
  if (number == 0) return Region::kDynamic;
  const auto region = RegionNumbers::TypeOf(number);
  if (!region) return errors::UnknownEnum("region", number);
  return *region;
}

absl::StatusOr<VariableType> TypeFrom(std::uint8_t number) {
  if (number == 0) return VariableType::kBytes;
  const auto type = TypeNumbers::TypeOf(number);
  if (!type) return errors::UnknownEnum("type", number);
  return *type;
}

LaneVariable AnswerFor(const OpenedVariable& opened) {
  return {.pointer = opened.variable.pointer.value(),
          .size = opened.variable.size.value(),
          .maker = opened.variable.maker.uid.value(),
          .type = TypeNumbers::NumberOf(opened.variable.type),
          .created = static_cast<std::uint8_t>(opened.created),
          .reserved = 0};
}

static_assert(abi::v1::kLaneNoMaker == kNobody.value());

Caller WithNumber(const Caller& caller, std::uint64_t number) {
  Caller out = caller;
  out.request = RequestId(number);
  return out;
}

// Sizes and alignments. Errors: AlignmentCountMismatch.
absl::Status ReadSpecs(const LaneAllocView& alloc, std::vector<AreaSpec>& specs) {
  if (alloc.alignments() > 1 && alloc.alignments() != alloc.sizes()) {
    return errors::AlignmentCountMismatch(alloc.alignments(), alloc.sizes());
  }
  const bool one_for_all = alloc.alignments() == 1;
  specs.assign(alloc.sizes(), AreaSpec{});
  for (std::uint32_t i = 0; i < alloc.sizes(); ++i) {
    specs[i].size = Bytes(alloc.size(i));
    if (alloc.alignments() > 0) specs[i].alignment = Bytes(alloc.alignment(one_for_all ? 0 : i));
  }
  return absl::OkStatus();
}

}  // namespace

std::uint32_t LaneCalls::Cost(const LaneRequest& request) {
  // Measured: eight more entries cost about as much as the call itself.
  constexpr std::size_t kBytesOfACall = 64;
  return 1 + static_cast<std::uint32_t>(request.body.size() / kBytesOfACall);
}

bool LaneCalls::Serve(const Caller& caller, LanePace pace, const LaneRequest& request,
                      LaneAnswerWriter& answers) {
  const Outcome outcome = Dispatch(caller, pace, request, answers);
  if (!outcome) {
    assert(pace == LanePace::kMustNotSleep);
    return false;
  }
  if (outcome->ok()) return true;
  const absl::string_view reason = errors::ReasonOf(*outcome);
  const absl::string_view text = outcome->message();
  const bool written = answers.Error(
      request.kind, request.id, static_cast<std::uint16_t>(outcome->code()),
      std::string_view(reason.data(), reason.size()), std::string_view(text.data(), text.size()));
  assert(written);
  return written;
}

LaneCalls::Outcome LaneCalls::Dispatch(const Caller& caller, LanePace pace,
                                       const LaneRequest& request, LaneAnswerWriter& answers) {
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
    case LaneKind::kRemoveSeries:
    case LaneKind::kCloseWriter:
    case LaneKind::kListFamilies:
    case LaneKind::kReadSeries:
    case LaneKind::kResetNamespace:
      break;
  }
  return errors::LaneKindUnknown(static_cast<std::uint16_t>(request.kind));
}

LaneCalls::Outcome LaneCalls::Ping(const Caller& caller, std::uint64_t id,
                                   LaneAnswerWriter& answers) {
  RETURN_IF_ERROR(calls_.Ping(caller));
  answers.Ping(id);
  return absl::OkStatus();
}

LaneCalls::Outcome LaneCalls::Alloc(const Caller& caller, LanePace pace, const LaneRequest& request,
                                    LaneAnswerWriter& answers) {
  LaneAllocView alloc;
  const bool parsed = alloc.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  RETURN_IF_ERROR(ReadSpecs(alloc, specs_));
  ASSIGN_OR_RETURN(const Region region, RegionFrom(alloc.region()));
  pointers_.resize(specs_.size());
  const std::string_view tag = alloc.tag();
  const AllocOptions options{.region = region,
                             .no_grow = alloc.no_grow(),
                             .tag = absl::string_view(tag.data(), tag.size())};
  if (pace == LanePace::kMustNotSleep) {
    Outcome outcome = calls_.TryAlloc(caller, specs_, options, pointers_);
    if (!outcome || !outcome->ok()) return outcome;
  } else {
    RETURN_IF_ERROR(calls_.Alloc(caller, specs_, options, pointers_));
  }
  words_.resize(pointers_.size());
  for (std::size_t i = 0; i < pointers_.size(); ++i) words_[i] = pointers_[i].value();
  answers.Alloc(request.id, words_);
  return absl::OkStatus();
}

LaneCalls::Outcome LaneCalls::Free(const Caller& caller, const LaneRequest& request,
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

LaneCalls::Outcome LaneCalls::Add(const Caller& caller, LanePace pace, const LaneRequest& request,
                                  LaneAnswerWriter& answers) {
  const auto add = LaneLoad<LaneAdd>(request.body, 0);
  Calls::AddRequest asked{
      .pointer = PercpuPtr(add.pointer), .delta = add.delta, .width = Bytes(add.width)};
  if (add.unit != abi::v1::kLaneAnyUnit) asked.unit = UnitId(add.unit);
  std::optional<absl::StatusOr<Updater::Added>> added;
  if (pace == LanePace::kMustNotSleep) {
    added = calls_.TryAdd(caller, asked);
    if (!added) return std::nullopt;
  } else {
    added = calls_.Add(caller, asked);
  }
  RETURN_IF_ERROR(added->status());
  answers.Add(request.id,
              {.value = (*added)->value, .unit = (*added)->unit.value(), .reserved = 0});
  return absl::OkStatus();
}

LaneCalls::Outcome LaneCalls::OpenVariable(const Caller& caller, LanePace pace,
                                           const LaneRequest& request, LaneAnswerWriter& answers) {
  LaneOpenVariableView asked;
  const bool parsed = asked.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  ASSIGN_OR_RETURN(const VariableType type, TypeFrom(asked.head().type));
  const VariableSpec spec{
      .name = std::string(asked.name()),
      .type = type,
      .size = Bytes(asked.head().size),
      .alignment = asked.head().alignment == 0 ? kDefaultAlign : Bytes(asked.head().alignment),
      .create = asked.head().create != 0};
  std::optional<absl::StatusOr<OpenedVariable>> opened;
  if (pace == LanePace::kMustNotSleep) {
    opened = calls_.TryOpenVariable(caller, spec);
    if (!opened) return std::nullopt;
  } else {
    opened = calls_.OpenVariable(caller, spec);
  }
  RETURN_IF_ERROR(opened->status());
  answers.OpenVariable(request.id, AnswerFor(**opened));
  return absl::OkStatus();
}

}  // namespace percpud
