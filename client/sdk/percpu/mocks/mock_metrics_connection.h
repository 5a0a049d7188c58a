// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_METRICS_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_METRICS_CONNECTION_H_

#include <gmock/gmock.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "percpu/metrics_connection.h"

namespace percpu::mocks {

// Stands in for the daemon's MetricsService in tests.
class MockMetricsConnection : public MetricsConnection {
 public:
  using LabelValues = std::optional<std::vector<std::string>>;

  MOCK_METHOD(absl::StatusOr<Pointer>, OpenSeries,
              (std::string_view, const FamilyShape&, const std::vector<std::string>&), (override));
  MOCK_METHOD(absl::StatusOr<std::vector<FamilyInfo>>, ListFamilies,
              (std::optional<std::string_view>), (override));
  MOCK_METHOD(absl::StatusOr<std::vector<SeriesInfo>>, ReadSeries,
              (std::string_view, std::string_view), (override));
  MOCK_METHOD(absl::StatusOr<std::uint64_t>, RemoveSeries,
              (std::string_view, std::string_view, const LabelValues&), (override));
  MOCK_METHOD(absl::StatusOr<std::uint64_t>, ResetSeries,
              (std::string_view, std::string_view, const LabelValues&), (override));
};

}  // namespace percpu::mocks

#endif  // PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_METRICS_CONNECTION_H_
