// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the calls of MetricsService say on the wire: from SDK types to a message, and back.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "percpu/internal/wire/caller.h"
#include "percpu/internal/wire/convert_metrics.h"
#include "percpu/internal/wire/pages.h"
#include "percpu/metrics_connection.h"
#include "percpud/v1/metrics.grpc.pb.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace wire {
namespace {

// The most entries of a page.
constexpr int kPageSize = 1000;

void ToProto(const FamilyShape& shape, v1::FamilyShape& out) {
  out.set_name(shape.name);
  out.set_help(shape.help);
  out.set_unit(shape.unit);
  out.set_type(static_cast<v1::FamilyType>(shape.type));
  out.set_cells(static_cast<v1::CellKind>(shape.cells));
  for (const std::string& name : shape.label_names) out.add_label_names(name);
  for (const double bound : shape.bounds) out.add_bounds(bound);
  out.set_fold(static_cast<v1::GaugeFold>(shape.fold));
  out.set_live_only(shape.live_only);
}

FamilyInfo FromProto(const v1::Family& family) {
  return {.name_space = family.namespace_(),
          .shape = wire::FromProto(family.shape()),
          .series = family.series(),
          .max_series = family.max_series(),
          .refused = family.refused(),
          .overflowed = family.overflowed()};
}

SeriesInfo FromProto(const v1::Series& series) {
  return {.family = series.family(),
          .label_values = {series.label_values().begin(), series.label_values().end()},
          .pointer = Pointer{series.pointer()},
          .cells = wire::FromProto(series.cells()),
          .overflow = series.overflow()};
}

class GrpcMetricsConnection final : public MetricsConnection {
 public:
  GrpcMetricsConnection(Target target, const CallOptions& options)
      : caller_(std::move(target), options, nullptr, /*numbers=*/false) {}

  absl::StatusOr<Pointer> OpenSeries(std::string_view name_space, const FamilyShape& shape,
                                     const std::vector<std::string>& label_values) override {
    v1::OpenSeriesRequest request;
    request.set_namespace_(std::string(name_space));
    v1::FamilySeries& family = *request.add_families();
    ToProto(shape, *family.mutable_shape());
    v1::LabelValues& values = *family.add_series();
    for (const std::string& value : label_values) values.add_values(value);
    ASSIGN_OR_RETURN(const v1::OpenSeriesResponse response,
                     caller_.Call(&MetricsStub::AsyncOpenSeries, request, Repeat::kSafe));
    if (response.series_size() != 1) {
      return absl::InternalError("the daemon did not answer for the one series");
    }
    const v1::OpenedSeries& opened = response.series(0);
    if (opened.has_refusal()) {
      return absl::Status(static_cast<absl::StatusCode>(opened.refusal().code()),
                          opened.refusal().message());
    }
    return Pointer{opened.pointer()};
  }

  absl::StatusOr<std::vector<FamilyInfo>> ListFamilies(
      std::optional<std::string_view> name_space) override {
    v1::ListFamiliesRequest request;
    if (name_space) request.set_namespace_(std::string(*name_space));
    request.set_page_size(kPageSize);
    std::vector<FamilyInfo> out;
    RETURN_IF_ERROR(ForEachPage(
        request,
        [this](const v1::ListFamiliesRequest& page) {
          return caller_.Call(&MetricsStub::AsyncListFamilies, page, Repeat::kSafe);
        },
        [&out](const v1::ListFamiliesResponse& page) {
          for (const v1::Family& family : page.families()) out.push_back(FromProto(family));
        }));
    return out;
  }

  absl::StatusOr<std::vector<SeriesInfo>> ReadSeries(std::string_view name_space,
                                                     std::string_view family_prefix) override {
    v1::ReadSeriesRequest request;
    request.set_namespace_(std::string(name_space));
    request.set_family_prefix(std::string(family_prefix));
    request.set_page_size(kPageSize);
    std::vector<SeriesInfo> out;
    RETURN_IF_ERROR(ForEachPage(
        request,
        [this](const v1::ReadSeriesRequest& page) {
          return caller_.Call(&MetricsStub::AsyncReadSeries, page, Repeat::kSafe);
        },
        [&out](const v1::ReadSeriesResponse& page) {
          for (const v1::Series& series : page.series()) out.push_back(FromProto(series));
        }));
    return out;
  }

  absl::StatusOr<std::uint64_t> RemoveSeries(
      std::string_view name_space, std::string_view family,
      const std::optional<std::vector<std::string>>& label_values) override {
    return Remove(name_space, family, label_values, v1::SERIES_REMOVAL_REMOVE);
  }
  absl::StatusOr<std::uint64_t> ResetSeries(
      std::string_view name_space, std::string_view family,
      const std::optional<std::vector<std::string>>& label_values) override {
    return Remove(name_space, family, label_values, v1::SERIES_REMOVAL_RESET);
  }

 private:
  absl::StatusOr<std::uint64_t> Remove(std::string_view name_space, std::string_view family,
                                       const std::optional<std::vector<std::string>>& label_values,
                                       v1::SeriesRemoval removal) {
    v1::RemoveSeriesRequest request;
    request.set_namespace_(std::string(name_space));
    request.set_family(std::string(family));
    request.set_removal(removal);
    if (label_values) {
      v1::LabelValues& values = *request.mutable_series();
      for (const std::string& value : *label_values) values.add_values(value);
    }
    ASSIGN_OR_RETURN(const v1::RemoveSeriesResponse response,
                     caller_.Call(&MetricsStub::AsyncRemoveSeries, request, Repeat::kUnsafe));
    return response.series();
  }

  Caller caller_;
};

}  // namespace
}  // namespace wire

std::shared_ptr<MetricsConnection> MakeGrpcMetricsConnection(std::string_view address,
                                                             const CallOptions& options) {
  return std::make_shared<wire::GrpcMetricsConnection>(wire::Target::Of(address, options), options);
}

}  // namespace percpu
