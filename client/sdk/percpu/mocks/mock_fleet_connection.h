// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_FLEET_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_FLEET_CONNECTION_H_

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "percpu/fleet_connection.h"

namespace percpu::mocks {

// Stands in for percpud-fleet in tests.
class MockFleetConnection : public FleetConnection {
 public:
  MOCK_METHOD(absl::StatusOr<FleetView>, ListHosts, (), (override));
  MOCK_METHOD(absl::StatusOr<FleetStatus>, GetStatus, (), (override));
  MOCK_METHOD(absl::StatusOr<std::string>, GetTargets, (), (override));
  MOCK_METHOD(absl::StatusOr<Placement>, Place, (std::string_view, std::uint32_t), (override));
  MOCK_METHOD(absl::StatusOr<FamilySum>, SumFamily, (std::string_view, const SumOptions&),
              (override));
  MOCK_METHOD(absl::StatusOr<VariablesSum>, SumVariable, (std::string_view, const SumOptions&),
              (override));
  MOCK_METHOD(absl::StatusOr<VariablesSum>, SumVariables, (std::string_view, const SumOptions&),
              (override));
  MOCK_METHOD(absl::Status, Drain, (std::string_view, std::string_view, std::string_view),
              (override));
  MOCK_METHOD(absl::Status, Undrain, (std::string_view), (override));
};

}  // namespace percpu::mocks

#endif  // PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_FLEET_CONNECTION_H_
