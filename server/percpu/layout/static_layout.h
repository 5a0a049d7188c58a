// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_LAYOUT_STATIC_LAYOUT_H_
#define PERCPUD_SERVER_PERCPU_LAYOUT_STATIC_LAYOUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/percpu/layout/variable_type.h"

namespace percpud {

// A percpu variable that the configuration declares; laid out in the first
// chunk at start and never freed.
struct StaticVariable {
  std::string name;
  VariableType type = VariableType::kBytes;
  Bytes size;
  Bytes alignment = kDefaultAlignment;
  // In the unit; set by StaticLayout::Build.
  Bytes offset;

  static constexpr Bytes kDefaultAlignment{8};
};

// The static part of the unit. Immutable after Build, so thread safe.
class StaticLayout {
 public:
  // The first bytes of the arena back no variable, so that percpu pointer 0
  // can mean null.
  static constexpr Bytes kNullGuard{64};

  StaticLayout() = default;

  // Lays the variables out in the order given, each aligned. `size` 0 means as
  // much as they need. Errors (BadConfig): a bad or repeated name, a size or
  // alignment out of range, more than `size` holds.
  static absl::StatusOr<StaticLayout> Build(std::vector<StaticVariable> variables, Bytes size);

  // Granules, at least kNullGuard.
  [[nodiscard]] Bytes size() const { return size_; }
  // By offset.
  [[nodiscard]] const std::vector<StaticVariable>& variables() const { return variables_; }
  // The variable that covers `offset` of the unit, or null.
  [[nodiscard]] const StaticVariable* At(Bytes offset) const;

 private:
  Bytes size_ = kNullGuard;
  std::vector<StaticVariable> variables_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_LAYOUT_STATIC_LAYOUT_H_
