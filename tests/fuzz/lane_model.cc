// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/lane_model.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/lane_cursor.h"

namespace percpud::fuzz::lane {
namespace {

enum : std::uint16_t { kPing = 1, kAlloc = 2, kFree = 3, kAdd = 4, kOpenVariable = 5 };

bool ReadBody(Request& request, Cursor body) {
  switch (request.kind) {
    case kPing:
      return request.number == 0 && body.left() == 0;
    case kAlloc: {
      const auto sizes = body.Take<std::uint32_t>();
      const auto alignments = body.Take<std::uint32_t>();
      body.Take<std::uint8_t>();
      if (body.Take<std::uint8_t>() > 1) return false;
      const auto tag = body.Take<std::uint16_t>();
      if (body.Take<std::uint32_t>() != 0) return false;
      for (std::uint32_t i = 0; i < sizes && !body.failed(); ++i) {
        request.words.push_back(body.Take<std::uint64_t>());
      }
      for (std::uint32_t i = 0; i < alignments && !body.failed(); ++i) body.Take<std::uint32_t>();
      body.TakeText(tag);
      return body.IsPadding();
    }
    case kFree: {
      const auto pointers = body.Take<std::uint32_t>();
      if (body.Take<std::uint32_t>() != 0) return false;
      for (std::uint32_t i = 0; i < pointers && !body.failed(); ++i) {
        request.words.push_back(body.Take<std::uint64_t>());
      }
      return !body.failed() && body.left() == 0;
    }
    case kAdd:
      request.pointer = body.Take<std::uint64_t>();
      request.delta = body.Take<std::int64_t>();
      request.unit = body.Take<std::uint32_t>();
      request.width = body.Take<std::uint32_t>();
      return request.number == 0 && !body.failed() && body.left() == 0;
    case kOpenVariable: {
      body.Take<std::uint64_t>();
      body.Take<std::uint32_t>();
      const auto name = body.Take<std::uint16_t>();
      body.Take<std::uint8_t>();
      const auto create = body.Take<std::uint8_t>();
      request.name = body.TakeText(name);
      request.create = create == 1;
      return request.number == 0 && create <= 1 && body.IsPadding();
    }
    default:
      return !IsOfMetrics(request.kind) ||
             (request.number == 0 && ReadMetrics(request.kind, body, request.series));
  }
}

template <typename T>
T Word(const Answer& answer, std::size_t at) {
  T value{};
  if (at + sizeof(T) <= answer.body.size()) {
    std::memcpy(&value, answer.body.data() + at, sizeof(T));
  }
  return value;
}

std::uint64_t RoundUp(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

absl::Status Wrong(absl::string_view what, const Request& request) {
  return absl::InternalError(absl::StrCat("request ", request.id, ": ", what));
}

}  // namespace

std::optional<std::vector<Request>> ReadNaively(std::span<const std::byte> message) {
  std::vector<Request> out;
  while (!message.empty()) {
    Cursor header(message);
    const auto bytes = header.Take<std::uint32_t>();
    Request request;
    request.kind = header.Take<std::uint16_t>();
    const auto reserved = header.Take<std::uint16_t>();
    request.id = header.Take<std::uint64_t>();
    request.number = header.Take<std::uint64_t>();
    if (header.failed() || reserved != 0 || bytes < 24 || bytes > message.size() ||
        bytes % 8 != 0) {
      return std::nullopt;
    }
    if (!ReadBody(request, Cursor(message.subspan(24, bytes - 24)))) return std::nullopt;
    out.push_back(std::move(request));
    if (out.size() > 256) return std::nullopt;
    message = message.subspan(bytes);
  }
  return out;
}

absl::Status Model::Judge(const std::vector<Request>& requests,
                          const std::vector<Answer>& answers) {
  if (requests.size() != answers.size()) {
    return absl::InternalError(
        absl::StrCat(requests.size(), " requests, ", answers.size(), " answers"));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].id != answers[i].id || requests[i].kind != answers[i].kind) {
      return Wrong("answered out of order", requests[i]);
    }
    if (absl::Status status = JudgeOne(requests[i], answers[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Model::JudgeOne(const Request& request, const Answer& answer) {
  switch (request.kind) {
    case kPing:
      return answer.code == 0 ? absl::OkStatus() : Wrong("a ping was refused", request);
    case kAlloc:
      return JudgeAlloc(request, answer);
    case kFree:
      return JudgeFree(request, answer);
    case kAdd:
      return JudgeAdd(request, answer);
    case kOpenVariable:
      return JudgeVariable(request, answer);
    default:
      if (IsOfMetrics(request.kind)) {
        return metrics_.Judge(request.kind, request.series, answer.code, answer.body);
      }
      // UNIMPLEMENTED.
      return answer.code == 12 ? absl::OkStatus() : Wrong("an unknown kind was served", request);
  }
}

absl::Status Model::JudgeAlloc(const Request& request, const Answer& answer) {
  if (answer.code != 0) return absl::OkStatus();
  std::vector<std::uint64_t> pointers;
  for (std::size_t i = 0; i < request.words.size(); ++i) {
    pointers.push_back(Word<std::uint64_t>(answer, 8 + i * 8));
  }
  if (answer.body.size() != 8 + pointers.size() * 8) return Wrong("pointers are missing", request);
  const auto kept = kept_.find(request.number);
  if (request.number != 0 && kept != kept_.end()) {
    return kept->second == pointers ? absl::OkStatus() : Wrong("repeated otherwise", request);
  }
  if (pointers.empty() || pointers.size() > batch_) return Wrong("served out of limits", request);
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    const std::uint64_t size = RoundUp(request.words[i]);
    const auto next = live_.lower_bound(pointers[i]);
    const bool overlaps =
        (next != live_.end() && next->first < pointers[i] + size) ||
        (next != live_.begin() && std::prev(next)->first + std::prev(next)->second > pointers[i]);
    if (pointers[i] == 0 || size == 0 || overlaps) return Wrong("granted twice", request);
    live_.emplace(pointers[i], size);
  }
  if (request.number != 0) kept_.emplace(request.number, std::move(pointers));
  return absl::OkStatus();
}

bool Model::MustFree(const Request& request) const {
  const std::set<std::uint64_t> once(request.words.begin(), request.words.end());
  return !once.empty() && once.size() == request.words.size() && once.size() <= batch_ &&
         std::all_of(once.begin(), once.end(),
                     [this](std::uint64_t pointer) { return live_.contains(pointer); });
}

absl::Status Model::JudgeFree(const Request& request, const Answer& answer) {
  const auto freed = Word<std::uint64_t>(answer, 0);
  if (request.number != 0 && kept_.contains(request.number)) {
    const std::vector<std::uint64_t>& before = kept_[request.number];
    const bool same = answer.code != 0 || (!before.empty() && before.front() == freed);
    return same ? absl::OkStatus() : Wrong("repeated otherwise", request);
  }
  if (MustFree(request) != (answer.code == 0)) {
    return Wrong(answer.code == 0 ? "freed what is not live" : "would not free", request);
  }
  if (answer.code != 0) return absl::OkStatus();
  std::uint64_t total = 0;
  for (const std::uint64_t pointer : request.words) {
    total += live_[pointer];
    ForgetWords(pointer, live_[pointer]);
    live_.erase(pointer);
  }
  if (request.number != 0) kept_.emplace(request.number, std::vector{total});
  return freed == total ? absl::OkStatus() : Wrong("freed another size", request);
}

bool Model::Holds(std::uint64_t pointer, std::uint64_t bytes) const {
  if (pointer + bytes <= first_pointer_) return true;
  const auto next = live_.upper_bound(pointer);
  if (next != live_.begin() &&
      std::prev(next)->first + std::prev(next)->second >= pointer + bytes) {
    return true;
  }
  return std::any_of(variables_.begin(), variables_.end(), [&](const auto& entry) {
    const Variable& variable = entry.second;
    return variable.pointer <= pointer && variable.pointer + variable.size >= pointer + bytes;
  });
}

absl::Status Model::JudgeAdd(const Request& request, const Answer& answer) {
  if (answer.code != 0) return absl::OkStatus();
  const bool is_width = request.width == 4 || request.width == 8;
  if (!is_width || request.pointer % request.width != 0) {
    return Wrong("added off its width", request);
  }
  if (!Holds(request.pointer, request.width)) {
    // Cells of series are in areas that nobody was told of.
    return has_series() ? absl::OkStatus() : Wrong("added where nothing is", request);
  }
  const auto value = Word<std::int64_t>(answer, 0);
  const auto unit = Word<std::uint32_t>(answer, 8);
  if (request.unit != 0xffff'ffff && unit != request.unit) return Wrong("another unit", request);
  std::uint32_t& low = words_[{request.pointer, unit}];
  if (request.width == 4) {
    low += static_cast<std::uint32_t>(request.delta);
    return static_cast<std::int32_t>(low) == value ? absl::OkStatus() : Wrong("sum", request);
  }
  std::uint32_t& high = words_[{request.pointer + 4, unit}];
  std::uint64_t whole = (std::uint64_t{high} << 32) | low;
  whole += static_cast<std::uint64_t>(request.delta);
  low = static_cast<std::uint32_t>(whole);
  high = static_cast<std::uint32_t>(whole >> 32);
  return static_cast<std::int64_t>(whole) == value ? absl::OkStatus() : Wrong("sum", request);
}

absl::Status Model::JudgeVariable(const Request& request, const Answer& answer) {
  const auto known = variables_.find(request.name);
  if (answer.code != 0) return absl::OkStatus();
  const auto pointer = Word<std::uint64_t>(answer, 0);
  const bool created = Word<std::uint8_t>(answer, 21) == 1;
  if (created != (known == variables_.end()))
    return Wrong("made twice, or found too soon", request);
  if (!created) {
    return known->second.pointer == pointer ? absl::OkStatus() : Wrong("moved", request);
  }
  if (!request.create) return Wrong("made unasked", request);
  variables_[request.name] = {.pointer = pointer, .size = Word<std::uint64_t>(answer, 8)};
  return absl::OkStatus();
}

void Model::ForgetWords(std::uint64_t pointer, std::uint64_t bytes) {
  words_.erase(words_.lower_bound({pointer, 0}), words_.lower_bound({pointer + bytes, 0}));
}

void Model::ForgetSession() {
  for (const auto& [pointer, size] : live_) ForgetWords(pointer, size);
  live_.clear();
  kept_.clear();
}

std::uint64_t Model::PickLive(std::uint32_t number) const {
  if (live_.empty()) return number;
  return std::next(live_.begin(), number % live_.size())->first;
}

}  // namespace percpud::fuzz::lane
