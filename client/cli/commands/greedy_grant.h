// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_GREEDY_GRANT_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_GREEDY_GRANT_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "percpu/client.h"
#include "percpu/types.h"

namespace percpu::cli {

// Allocates areas in order, each that the daemon has room for. The daemon grants a batch
// whole or not at all, so a refused batch is halved until the areas that do not fit are
// found. An area that asks for no less than a refused one is refused without a call.
//
// Thread safety: none.
class GreedyGrant {
 public:
  // `client` must outlive it. Nothing may be freed in the course of it.
  explicit GreedyGrant(Client& client) : client_(client) {}

  // Writes the pointer of each area that is granted to its place in `out`, and leaves the
  // other places alone. A refusal is no error, but counted; any other failure ends it.
  // REQUIRES: as many places as areas.
  absl::Status Run(std::span<const AreaSpec> specs, std::span<Pointer> out);

  [[nodiscard]] std::size_t granted() const { return granted_; }
  [[nodiscard]] std::size_t refused() const { return refused_; }

 private:
  using Places = std::span<const std::size_t>;

  // `is_refused`: that these do not fit together is known.
  absl::Status Grant(Places places, bool is_refused);
  absl::Status Halve(Places places);
  // Grants all; or returns why not.
  absl::Status Ask(Places places);
  // Counts those whose refusal is known, and returns the others.
  std::vector<std::size_t> LeaveOutRefused(Places places);
  [[nodiscard]] bool IsKnownRefused(const AreaSpec& spec) const;
  void NoteRefusal(const AreaSpec& spec, const absl::Status& status);

  Client& client_;
  std::span<const AreaSpec> specs_;
  std::span<Pointer> out_;
  // None of them asks for less than another.
  std::vector<AreaSpec> known_refused_;
  std::size_t granted_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_GREEDY_GRANT_H_
