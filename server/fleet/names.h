// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_NAMES_H_
#define PERCPUD_SERVER_FLEET_NAMES_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace percpud::fleet {

inline constexpr std::size_t kMaxHostName = 253;
inline constexpr std::size_t kMaxReason = 256;

// Refuses, with INVALID_ARGUMENT, a name of a host or fleet that is empty, too long, or has
// anything but letters, digits and ".-_". `field` is what the refusal calls it.
absl::Status CheckName(absl::string_view field, absl::string_view name);

// Where a fleet's things are in etcd.
class Keys {
 public:
  enum class Kind { kHost, kDrain };
  struct Place {
    Kind kind;
    std::string name;
  };

  explicit Keys(absl::string_view fleet);

  // The prefix of all of them.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  [[nodiscard]] std::string Host(absl::string_view name) const;
  [[nodiscard]] std::string Drain(absl::string_view name) const;
  // What a key is of; nullopt for a key that is neither a host's nor a mark's.
  [[nodiscard]] std::optional<Place> Parse(absl::string_view key) const;

 private:
  std::string prefix_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_NAMES_H_
