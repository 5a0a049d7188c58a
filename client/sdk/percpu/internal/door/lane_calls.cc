// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/lane_calls.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "percpu/internal/wire/reason.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/status_macros.h"

namespace percpu::lane_calls {
namespace {

namespace abi = percpud::abi::v1;

absl::Status Refusal(const LaneClient::Answer& answer) {
  abi::LaneErrorView error;
  // LaneClient lets no other through.
  const bool parsed = error.Parse(answer.body);
  const std::string_view text = parsed ? error.text() : std::string_view();
  return WithReason(absl::Status(static_cast<absl::StatusCode>(answer.code),
                                 absl::string_view(text.data(), text.size())),
                    std::string(parsed ? error.reason() : std::string_view()));
}

// The answer's body. Errors: the daemon's refusal, and Call's.
absl::StatusOr<std::vector<std::byte>> Call(LaneClient& lane, const Deadline& deadline,
                                            LaneClient::Ask ask) {
  ASSIGN_OR_RETURN(LaneClient::Answer answer, lane.Call(ask, deadline));
  if (answer.code != 0) return Refusal(answer);
  return std::move(answer.body);
}

// The numbers are those of percpud.v1.VariableType.
std::uint8_t NumberOf(VariableType type) {
  switch (type) {
    case VariableType::kCounter:
      return 1;
    case VariableType::kGauge:
      return 2;
    case VariableType::kHistogram:
      return 3;
    case VariableType::kBytes:
      break;
  }
  return 4;
}

VariableType TypeOf(std::uint8_t number) {
  switch (number) {
    case 1:
      return VariableType::kCounter;
    case 2:
      return VariableType::kGauge;
    case 3:
      return VariableType::kHistogram;
    default:
      return VariableType::kBytes;
  }
}

// As percpud.v1.Region has them.
std::uint8_t NumberOf(Region region) { return region == Region::kReserved ? 2 : 1; }

}  // namespace

absl::Status Ping(LaneClient& lane, const Deadline& deadline) {
  return Call(lane, deadline,
              [](abi::LaneRequestWriter& message, std::uint64_t id) { return message.Ping(id); })
      .status();
}

absl::StatusOr<std::vector<Pointer>> Alloc(LaneClient& lane, const Deadline& deadline,
                                           std::uint64_t number, std::span<const AreaSpec> specs,
                                           const AllocateOptions& options) {
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
                                      .region = NumberOf(options.region),
                                      .no_grow = options.no_grow,
                                      .tag = options.tag};
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(lane, deadline, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
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

absl::StatusOr<std::uint64_t> Free(LaneClient& lane, const Deadline& deadline, std::uint64_t number,
                                   std::span<const Pointer> pointers) {
  std::vector<std::uint64_t> words;
  words.reserve(pointers.size());
  for (const Pointer pointer : pointers) words.push_back(Value(pointer));
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(lane, deadline, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.Free(id, number, words);
                   }));
  return abi::LaneLoad<abi::LaneFreed>(body, 0).freed_bytes;
}

absl::StatusOr<AddResult> Add(LaneClient& lane, const Deadline& deadline, Pointer pointer,
                              std::int64_t delta, std::optional<Unit> unit, Width width) {
  const abi::LaneAdd add{.pointer = Value(pointer),
                         .delta = delta,
                         .unit = unit ? Value(*unit) : abi::kLaneAnyUnit,
                         .width = width == Width::k32 ? 4U : 8U};
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(lane, deadline, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.Add(id, add);
                   }));
  const auto added = abi::LaneLoad<abi::LaneAdded>(body, 0);
  return AddResult{.value = added.value, .unit = Unit{added.unit}};
}

absl::StatusOr<OpenedVariable> OpenVariable(LaneClient& lane, const Deadline& deadline,
                                            const VariableSpec& spec) {
  const abi::LaneOpenVariableRequest request{.name = spec.name,
                                             .type = NumberOf(spec.type),
                                             .size = spec.size_bytes,
                                             .alignment = spec.alignment,
                                             .create = spec.create};
  ASSIGN_OR_RETURN(const std::vector<std::byte> body,
                   Call(lane, deadline, [&](abi::LaneRequestWriter& message, std::uint64_t id) {
                     return message.OpenVariable(id, request);
                   }));
  const auto variable = abi::LaneLoad<abi::LaneVariable>(body, 0);
  OpenedVariable opened{.variable = {.name = spec.name,
                                     .type = TypeOf(variable.type),
                                     .pointer = Pointer{variable.pointer},
                                     .size_bytes = variable.size,
                                     .uid = std::nullopt},
                        .created = variable.created != 0};
  if (variable.maker != abi::kLaneNoMaker) opened.variable.uid = variable.maker;
  return opened;
}

}  // namespace percpu::lane_calls
