// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Metrics of applications, asked of the daemon by calls: for programs that look at what
// there is. Programs that count use libpercpud, or a Registry.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_METRICS_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_METRICS_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "percpu/options.h"
#include "percpu/types.h"

namespace percpu {

enum class FamilyType { kUnknown, kCounter, kGauge, kHistogram, kSummary };

// What holds the number of a series: proto/percpud/v1/metrics.proto explains each.
enum class CellKind { kUnknown, kInteger, kDouble, kHistogram, kSummary, kWriter, kShared };

// What the values of many writers come to.
enum class GaugeFold { kNone, kAll, kMin, kMax, kSum, kMostRecent };

// The name of a family, and what all its series have in common.
struct FamilyShape {
  std::string name;
  std::string help;
  std::string unit;
  FamilyType type = FamilyType::kUnknown;
  CellKind cells = CellKind::kUnknown;
  std::vector<std::string> label_names;
  // Finite upper bounds of a histogram's buckets; the last bucket has none.
  std::vector<double> bounds;
  GaugeFold fold = GaugeFold::kNone;
  bool live_only = false;
};

struct FamilyInfo {
  std::string name_space;
  FamilyShape shape;
  std::uint64_t series = 0;
  // More series than this share one.
  std::uint32_t max_series = 0;
  // Openings that wanted another shape, and that found the family full, since the daemon
  // started.
  std::uint64_t refused = 0;
  std::uint64_t overflowed = 0;
};

// One cell, summed over all CPUs, less what it was reset to.
struct CellSum {
  // Observations, or what an integer comes to.
  std::uint64_t count = 0;
  // What was observed, or what a double comes to.
  double sum = 0;
};

struct SeriesInfo {
  std::string family;
  // In the order of the family's label names.
  std::vector<std::string> label_values;
  // kNull for a gauge of writers.
  Pointer pointer = kNull;
  // A histogram has one for what was added to the sum alone and one for each bucket. Others have
  // one; a gauge of writers has none.
  std::vector<CellSum> cells;
  // It takes what its family has no room for.
  bool overflow = false;
};

// One method per call of the daemon's MetricsService. An empty namespace is `default`.
// Errors are the daemon's, and as Client has them. Thread safe. A method blocks for
// CallOptions::deadline at most, and longer only if the answer has several pages.
class MetricsConnection {
 public:
  MetricsConnection() = default;
  MetricsConnection(const MetricsConnection&) = delete;
  MetricsConnection& operator=(const MetricsConnection&) = delete;
  virtual ~MetricsConnection() = default;

  // Finds one series, or makes it with its family. Returns the pointer of its cells.
  virtual absl::StatusOr<Pointer> OpenSeries(std::string_view name_space, const FamilyShape& shape,
                                             const std::vector<std::string>& label_values) = 0;
  // Lists the families of one namespace, or of all.
  virtual absl::StatusOr<std::vector<FamilyInfo>> ListFamilies(
      std::optional<std::string_view> name_space) = 0;
  // Reads the series of every family whose name begins with `family_prefix`.
  virtual absl::StatusOr<std::vector<SeriesInfo>> ReadSeries(std::string_view name_space,
                                                             std::string_view family_prefix) = 0;
  // Removes one series, or all of a family; or has them count from 0 again. Returns how many.
  virtual absl::StatusOr<std::uint64_t> RemoveSeries(
      std::string_view name_space, std::string_view family,
      const std::optional<std::vector<std::string>>& label_values) = 0;
  virtual absl::StatusOr<std::uint64_t> ResetSeries(
      std::string_view name_space, std::string_view family,
      const std::optional<std::vector<std::string>>& label_values) = 0;
};

// Makes a connection to "unix:PATH", a path, or "HOST:PORT". It opens nothing before the
// first call.
std::shared_ptr<MetricsConnection> MakeGrpcMetricsConnection(std::string_view address,
                                                             const CallOptions& options);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_METRICS_CONNECTION_H_
