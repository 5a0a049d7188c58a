// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/lane_calls.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "percpu/internal/wire/reason.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_numbers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/status_macros.h"

namespace percpu::lane_calls {
namespace {

namespace abi = percpud::abi::v1;

absl::Status Refusal(const LaneClient::Answer& answer) {
  abi::LaneErrorView error;
  // LaneClient passes on well-formed answers only.
  const bool parsed = error.Parse(answer.body);
  assert(parsed);
  const std::string_view text = parsed ? error.text() : std::string_view();
  return WithReason(absl::Status(static_cast<absl::StatusCode>(answer.code),
                                 absl::string_view(text.data(), text.size())),
                    std::string(parsed ? error.reason() : std::string_view()));
}

// Returns the answer's body. Errors: the daemon's refusal, and LaneClient::Call's.
absl::StatusOr<std::vector<std::byte>> Call(LaneAttempt& attempt, LaneClient::Ask ask) {
  ASSIGN_OR_RETURN(LaneClient::Answer answer, attempt.lane.Call(ask, attempt));
  if (answer.code != 0) return Refusal(answer);
  return std::move(answer.body);
}

using RegionNumbers = abi::RegionNumbers<Region>;
using TypeNumbers = abi::VariableTypeNumbers<VariableType>;

}  // namespace

absl::Status Ping(LaneAttempt& attempt) {
  return Call(attempt,
              [](abi::LaneRequestWriter& message, std::uint64_t id) { return message.Ping(id); })
      .status();
}

absl::StatusOr<std::vector<Pointer>> Alloc(LaneAttempt& attempt, std::uint64_t number,
                                           std::span<const AreaSpec> specs,
                                           const AllocateOptions& options) {
  assert(specs.size() <= kMostEntries);
  std::vector<std::uint64_t> sizes;
  std::vector<std::uint32_t> alignments;
  sizes.reserve(specs.size());
  for (const AreaSpec& spec : specs) sizes.push_back(spec.size_bytes);
  const bool alike = std::all_of(specs.begin(), specs.end(), [&](const AreaSpec& spec) {
    return spec.alignment == specs.front().alignment;
  });
  for (const AreaSpec& spec : alike ? specs.first(std::min<std::size_t>(specs.size(), 1)) : specs) {
    alignments.push_back(spec.alignment);
  }
  const abi::LaneAllocRequest request{.sizes = sizes,
                                      .alignments = alignments,
                                      .region = RegionNumbers::NumberOf(options.region),
                                      .no_grow = options.no_grow,
                                      .tag = options.tag};
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(attempt, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.Alloc(id, number, request);
                   }));
  abi::LanePointersView view;
  if (!view.Parse(body) || view.pointers() != specs.size()) {
    return absl::DataLossError("side door: the answer has not a pointer for each area");
  }
  std::vector<Pointer> pointers;
  pointers.reserve(specs.size());
  for (std::uint32_t i = 0; i < view.pointers(); ++i) pointers.push_back(Pointer{view.pointer(i)});
  return pointers;
}

absl::StatusOr<std::uint64_t> Free(LaneAttempt& attempt, std::uint64_t number,
                                   std::span<const Pointer> pointers) {
  assert(pointers.size() <= kMostEntries);
  std::vector<std::uint64_t> words;
  words.reserve(pointers.size());
  for (const Pointer pointer : pointers) words.push_back(Value(pointer));
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(attempt, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.Free(id, number, words);
                   }));
  return abi::LaneLoad<abi::LaneFreed>(body, 0).freed_bytes;
}

absl::StatusOr<AddResult> Add(LaneAttempt& attempt, Pointer pointer, std::int64_t delta,
                              std::optional<Unit> unit, Width width) {
  const abi::LaneAdd add{.pointer = Value(pointer),
                         .delta = delta,
                         .unit = unit ? Value(*unit) : abi::kLaneAnyUnit,
                         .width = width == Width::k32 ? 4U : 8U};
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(attempt, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.Add(id, add);
                   }));
  const auto added = abi::LaneLoad<abi::LaneAdded>(body, 0);
  return AddResult{.value = added.value, .unit = Unit{added.unit}};
}

absl::StatusOr<OpenedVariable> OpenVariable(LaneAttempt& attempt, const VariableSpec& spec) {
  const abi::LaneOpenVariableRequest request{.name = spec.name,
                                             .type = TypeNumbers::NumberOf(spec.type),
                                             .size = spec.size_bytes,
                                             .alignment = spec.alignment,
                                             .create = spec.create};
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(attempt, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.OpenVariable(id, request);
                   }));
  const auto variable = abi::LaneLoad<abi::LaneVariable>(body, 0);
  OpenedVariable opened{
      .variable = {.name = spec.name,
                   .type = TypeNumbers::TypeOf(variable.type).value_or(VariableType::kBytes),
                   .pointer = Pointer{variable.pointer},
                   .size_bytes = variable.size,
                   .uid = std::nullopt},
      .created = variable.created != 0};
  if (variable.maker != abi::kLaneNoMaker) opened.variable.uid = variable.maker;
  return opened;
}

}  // namespace percpu::lane_calls
