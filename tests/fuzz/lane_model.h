// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Another reading of the lane's contract (proto/percpud/abi/v1/lane.h), byte by byte and
// without the codec, and what its answers may say.

#ifndef PERCPUD_TESTS_FUZZ_LANE_MODEL_H_
#define PERCPUD_TESTS_FUZZ_LANE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/fuzz/lane_metrics_model.h"

namespace percpud::fuzz::lane {

struct Request {
  std::uint16_t kind = 0;
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  // An Alloc's sizes or a Free's pointers.
  std::vector<std::uint64_t> words;
  // An Add's pointer, delta, unit and width.
  std::uint64_t pointer = 0;
  std::int64_t delta = 0;
  std::uint32_t unit = 0;
  std::uint32_t width = 0;
  // A variable's.
  std::string name;
  bool create = false;
  // How many series an opening wants.
  std::uint32_t series = 0;
};

struct Answer {
  std::uint16_t kind = 0;
  std::uint16_t code = 0;
  std::uint64_t id = 0;
  std::vector<std::byte> body;
};

// The requests of a message; nullopt if it is malformed.
std::optional<std::vector<Request>> ReadNaively(std::span<const std::byte> message);

// What one session was granted, and what variables there are. One session at a time.
class Model {
 public:
  // Below `first_pointer` lies the static part, which everybody may add to.
  Model(std::uint32_t batch, std::uint64_t first_pointer)
      : batch_(batch), first_pointer_(first_pointer) {}

  // Takes in what the requests were answered. Errors: INTERNAL, if they may not be.
  absl::Status Judge(const std::vector<Request>& requests, const std::vector<Answer>& answers);
  // Its areas are freed.
  void ForgetSession();

  // A live pointer, by number; something else if there is none.
  [[nodiscard]] std::uint64_t PickLive(std::uint32_t number) const;
  // Live areas, with the variables'.
  [[nodiscard]] std::uint64_t areas() const { return live_.size() + variables_.size(); }
  // Whether any series was made, whose cells are in areas too.
  [[nodiscard]] bool has_series() const { return metrics_.has_series(); }
  // Requests whose answers are remembered.
  [[nodiscard]] std::size_t numbered() const { return kept_.size(); }

 private:
  absl::Status JudgeOne(const Request& request, const Answer& answer);
  absl::Status JudgeAlloc(const Request& request, const Answer& answer);
  absl::Status JudgeFree(const Request& request, const Answer& answer);
  absl::Status JudgeAdd(const Request& request, const Answer& answer);
  absl::Status JudgeVariable(const Request& request, const Answer& answer);
  [[nodiscard]] bool MustFree(const Request& request) const;
  [[nodiscard]] bool Holds(std::uint64_t pointer, std::uint64_t bytes) const;
  void ForgetWords(std::uint64_t pointer, std::uint64_t bytes);

  const std::uint32_t batch_;
  const std::uint64_t first_pointer_;
  // Bytes by pointer.
  std::map<std::uint64_t, std::uint64_t> live_;
  struct Variable {
    std::uint64_t pointer = 0;
    std::uint64_t size = 0;
  };
  std::map<std::string, Variable> variables_;
  MetricsModel metrics_;
  // What numbered requests were answered.
  std::map<std::uint64_t, std::vector<std::uint64_t>> kept_;
  // The arena's words that are not 0, by pointer and unit.
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t> words_;
};

}  // namespace percpud::fuzz::lane

#endif  // PERCPUD_TESTS_FUZZ_LANE_MODEL_H_
