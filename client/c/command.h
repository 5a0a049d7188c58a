// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_COMMAND_H_
#define PERCPUD_CLIENT_C_COMMAND_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "client/c/arena.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::c {

// A request that a caller waits for, one at a time for each client: RemoveSeries,
// CloseWriter, ResetNamespace or OpenVariable. It goes out behind the openings that were asked for
// before. Guarded by its client's lock; the texts outlive it.
class Command {
 public:
  explicit Command(const abi::v1::LaneRemoveSeriesRequest& remove)
      : kind_(abi::v1::LaneKind::kRemoveSeries), remove_(remove) {}
  explicit Command(const abi::v1::LaneOpenVariableRequest& open)
      : kind_(abi::v1::LaneKind::kOpenVariable), open_(open) {}
  static Command CloseWriter(std::uint64_t writer) {
    return {abi::v1::LaneKind::kCloseWriter, writer, {}};
  }
  static Command ResetNamespace(std::uint64_t if_generation, std::string_view name_space) {
    return {abi::v1::LaneKind::kResetNamespace, if_generation, name_space};
  }

  // Returns false if it does not fit into the message.
  bool Write(std::uint64_t id, abi::v1::LaneRequestWriter& writer);
  void TakeBack() { is_sent_ = false; }
  // Takes the answer, which is about `arena`. Returns false if it cannot be the one to this.
  bool TakeAnswer(const abi::v1::LaneAnswer& answer, const Arena* arena);
  void Fail(std::string_view reason);

  [[nodiscard]] bool is_sent() const { return is_sent_; }
  [[nodiscard]] bool is_done() const { return is_done_; }
  // REQUIRES: is_sent.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  // These REQUIRE is_done.
  // How many series it was about, 0 for a variable; -1 if it failed.
  [[nodiscard]] std::int64_t series() const { return series_; }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  // Where the variable of an OpenVariable is. Null and zeros otherwise.
  [[nodiscard]] const Arena* arena() const { return arena_; }
  [[nodiscard]] std::uint64_t pointer() const { return pointer_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const char* reason() const { return reason_.data(); }

 private:
  Command(abi::v1::LaneKind kind, std::uint64_t number, std::string_view name_space)
      : kind_(kind), number_(number), name_space_(name_space) {}

  abi::v1::LaneKind kind_;
  abi::v1::LaneRemoveSeriesRequest remove_;
  abi::v1::LaneOpenVariableRequest open_;
  std::uint64_t number_ = 0;
  std::string_view name_space_;
  std::uint64_t id_ = 0;
  bool is_sent_ = false;
  bool is_done_ = false;
  std::int64_t series_ = -1;
  std::uint64_t generation_ = 0;
  const Arena* arena_ = nullptr;
  std::uint64_t pointer_ = 0;
  std::uint64_t size_ = 0;
  std::array<char, 256> reason_{};
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_COMMAND_H_
