// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What MetricsService does besides asking and answering once: WatchSeries, and gauges that
// writers set.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/service/metrics_rig.h"

namespace percpud {
namespace {

using testing::Prepare;
using Stub = v1::MetricsService::Stub;

class MetricsWatchTest : public testing::MetricsServiceRig {
 protected:
  void SetUp() override {
    MetricsServiceRig::SetUp();
    const auto session = sessions_->Open({.kind = SessionKind::kRemote, .command = "worker"});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *session;
    token_ = &session_.token;
  }

  static v1::FamilySeries Gauge(const std::string& name, v1::CellKind cells) {
    v1::FamilySeries out;
    out.mutable_shape()->set_name(name);
    out.mutable_shape()->set_type(v1::FAMILY_TYPE_GAUGE);
    out.mutable_shape()->set_cells(cells);
    if (cells == v1::CELL_KIND_WRITER) out.mutable_shape()->set_fold(v1::GAUGE_FOLD_MAX);
    out.add_series();
    return out;
  }
  std::uint64_t Remove(const std::string& family) {
    v1::RemoveSeriesRequest request;
    request.set_namespace_("shop");
    request.set_family(family);
    v1::RemoveSeriesResponse response;
    const grpc::Status status = Call(&Stub::RemoveSeries, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.series();
  }
  // Sets a cell, which lies in one unit alone, like its writer.
  void Set(std::uint64_t cell, double value) {
    for (std::uint32_t unit = 0; unit < allocator_->info().units(); ++unit) {
      const Bytes offset = allocator_->info().unit_offset[unit];
      const std::uint64_t base = cell - offset.value();
      const metrics::WriterCell set{.value = value, .timestamp = 1700000000.5};
      const auto pin = allocator_->Touch(PercpuPtr(base), Bytes(sizeof(set)));
      if (cell < offset.value() || !pin.ok()) continue;
      ASSERT_TRUE(pin->Write(UnitId(unit), std::as_bytes(std::span(&set, 1))).ok());
      return;
    }
    FAIL() << "no area has a cell at " << cell;
  }

  OpenedSession session_;
};

// A stream of WatchSeries.
class Watcher {
 public:
  Watcher(Stub& stub, std::uint64_t revision, const std::string& name_space = "") {
    Prepare(context_, nullptr);
    v1::WatchSeriesRequest request;
    request.set_namespace_(name_space);
    request.set_revision(revision);
    reader_ = stub.WatchSeries(&context_, request);
  }
  v1::WatchSeriesResponse Next() {
    v1::WatchSeriesResponse out;
    EXPECT_TRUE(reader_->Read(&out));
    return out;
  }
  grpc::Status End() {
    context_.TryCancel();
    return AwaitEnd();
  }
  grpc::Status AwaitEnd() {
    v1::WatchSeriesResponse rest;
    while (reader_->Read(&rest)) {
    }
    return reader_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchSeriesResponse>> reader_;
};

TEST_F(MetricsWatchTest, AStreamTellsWhatChangesAndIsResumed) {
  std::uint64_t revision = 0;
  {
    Watcher watcher(*stub_, 0);
    const v1::WatchSeriesResponse first = watcher.Next();
    EXPECT_TRUE(first.resync());
    const v1::OpenedSeries load = Open(Gauge("load", v1::CELL_KIND_DOUBLE)).series(0);
    const v1::WatchSeriesResponse made = watcher.Next();
    EXPECT_FALSE(made.resync());
    ASSERT_GT(made.changes_size(), 0);
    // A new family is told of whole.
    EXPECT_EQ(made.changes().rbegin()->family_id(), load.family_id());
    EXPECT_EQ(made.changes().rbegin()->series_id(), 0U);
    EXPECT_FALSE(made.changes().rbegin()->gone());
    revision = made.revision();
    watcher.End();
  }
  EXPECT_EQ(Remove("load"), 1U);
  Watcher again(*stub_, revision);
  const v1::WatchSeriesResponse removed = again.Next();
  EXPECT_FALSE(removed.resync());
  ASSERT_EQ(removed.changes_size(), 1);
  EXPECT_TRUE(removed.changes(0).gone());
  EXPECT_GT(removed.revision(), revision);
  EXPECT_EQ(again.End().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(MetricsWatchTest, AStreamIsOfOneNamespaceIfItSaysSo) {
  Watcher other(*stub_, 0, "other");
  EXPECT_TRUE(other.Next().resync());
  Open(Gauge("load", v1::CELL_KIND_DOUBLE));
  v1::OpenSeriesRequest request;
  request.set_namespace_("other");
  *request.add_families() = Gauge("load", v1::CELL_KIND_DOUBLE);
  v1::OpenSeriesResponse opened;
  ASSERT_TRUE(Call(&Stub::OpenSeries, request, &opened).ok());
  const v1::WatchSeriesResponse told = other.Next();
  ASSERT_GT(told.changes_size(), 0);
  EXPECT_EQ(told.changes().rbegin()->family_id(), opened.series(0).family_id());
  for (const v1::SeriesChange& change : told.changes()) {
    EXPECT_EQ(change.namespace_id(), told.changes(0).namespace_id());
  }
}

TEST_F(MetricsWatchTest, ManyChangesComeInSeveralMessages) {
  Watcher watcher(*stub_, 0);
  const std::uint64_t start = watcher.Next().revision();
  constexpr int kFamilies = 700;
  for (int i = 0; i < kFamilies; ++i) {
    Open(Gauge(absl::StrCat("load_", i), v1::CELL_KIND_DOUBLE));
  }
  Watcher late(*stub_, start);
  const v1::WatchSeriesResponse first = late.Next();
  EXPECT_TRUE(first.more());
  EXPECT_LE(first.changes_size(), 512);
  const v1::WatchSeriesResponse second = late.Next();
  EXPECT_GT(second.revision(), first.revision());
}

TEST_F(MetricsWatchTest, StreamsAreBoundedAndNamespacesChecked) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  // One peer may have a part of all streams.
  grpc::Status refused;
  for (std::uint32_t i = 0; refused.ok() && i <= kLimits.watchers; ++i) {
    grpc::ClientContext context;
    Prepare(context, nullptr);
    const auto reader = stub_->WatchSeries(&context, {});
    v1::WatchSeriesResponse first;
    if (!reader->Read(&first)) {
      refused = reader->Finish();
      break;
    }
    context.TryCancel();
    while (reader->Read(&first)) {
    }
    reader->Finish();
    watchers.push_back(std::make_unique<Watcher>(*stub_, 0));
    watchers.back()->Next();
  }
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  watchers.clear();
  EXPECT_EQ(Watcher(*stub_, 0, "a\nb").AwaitEnd().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(MetricsWatchTest, AGaugesWritersAreRead) {
  const v1::OpenSeriesResponse opened =
      Open(Gauge("temperature", v1::CELL_KIND_WRITER), "worker 3");
  ASSERT_EQ(opened.series_size(), 1);
  ASSERT_FALSE(opened.series(0).has_refusal()) << opened.series(0).refusal().message();
  EXPECT_NE(opened.writer_id(), 0U);
  EXPECT_FALSE(opened.has_slot());
  std::vector<v1::Series> series = ReadAll();
  ASSERT_EQ(series.size(), 1U);
  ASSERT_EQ(series[0].writers_size(), 1);
  EXPECT_FALSE(series[0].writers(0).has_set_time());
  Set(opened.series(0).pointer(), 21.5);
  series = ReadAll();
  const v1::SeriesWriter& writer = series[0].writers(0);
  EXPECT_EQ(writer.label(), "worker 3");
  EXPECT_EQ(writer.writer_id(), opened.writer_id());
  EXPECT_TRUE(writer.live());
  EXPECT_EQ(writer.value(), 21.5);
  EXPECT_EQ(writer.set_time().seconds(), 1700000000);
  EXPECT_EQ(writer.set_time().nanos(), 500000000);
  EXPECT_EQ(series[0].cells_size(), 0);
}

TEST_F(MetricsWatchTest, AWriterIsClosedAndItsGaugeFolded) {
  const v1::OpenSeriesResponse opened = Open(Gauge("temperature", v1::CELL_KIND_WRITER), "", true);
  ASSERT_TRUE(opened.has_slot());
  EXPECT_EQ(opened.slot(), 0U);
  Set(opened.series(0).pointer(), 21.5);
  v1::CloseWriterRequest request;
  request.set_writer_id(opened.writer_id() + 1);
  v1::CloseWriterResponse closed;
  EXPECT_EQ(Call(&Stub::CloseWriter, request, &closed).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_writer_id(opened.writer_id());
  const grpc::Status status = Call(&Stub::CloseWriter, request, &closed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(closed.series(), 1U);
  const std::vector<v1::Series> series = ReadAll();
  ASSERT_EQ(series.size(), 1U);
  ASSERT_EQ(series[0].writers_size(), 1);
  EXPECT_FALSE(series[0].writers(0).live());
  EXPECT_EQ(series[0].writers(0).value(), 21.5);
}

TEST_F(MetricsWatchTest, AWriterNeedsASession) {
  v1::OpenSeriesRequest request;
  request.set_namespace_("shop");
  *request.add_families() = Gauge("temperature", v1::CELL_KIND_WRITER);
  grpc::ClientContext context;
  Prepare(context, nullptr);
  v1::OpenSeriesResponse response;
  ASSERT_TRUE(stub_->OpenSeries(&context, request, &response).ok());
  ASSERT_EQ(response.series_size(), 1);
  EXPECT_EQ(response.series(0).refusal().reason(), "WRITER_NEEDS_SESSION");
}

TEST_F(MetricsWatchTest, CallsAreCountedByMethodAndCode) {
  Open(Gauge("load", v1::CELL_KIND_DOUBLE));
  v1::CloseWriterRequest request;
  request.set_writer_id(99);
  v1::CloseWriterResponse closed;
  EXPECT_EQ(Call(&Stub::CloseWriter, request, &closed).error_code(), grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  Prepare(context, nullptr);
  v1::GetCallStatsResponse stats;
  ASSERT_TRUE(stub_->GetCallStats(&context, {}, &stats).ok());
  EXPECT_FALSE(stats.version().empty());
  EXPECT_GT(stats.start_time().seconds(), 0);
  ASSERT_EQ(stats.methods_size(), 2);
  EXPECT_EQ(stats.methods(0).method(), "OpenSeries");
  EXPECT_EQ(stats.methods(0).codes(0).code(), 0);
  EXPECT_EQ(stats.methods(0).codes(0).calls(), 1U);
  EXPECT_EQ(stats.methods(1).method(), "CloseWriter");
  EXPECT_EQ(stats.methods(1).codes(0).code(), 5);
  ASSERT_EQ(stats.methods(0).latency_calls_size(), stats.latency_bounds_size() + 1);
  std::uint64_t calls = 0;
  for (const std::uint64_t count : stats.methods(0).latency_calls()) calls += count;
  EXPECT_EQ(calls, 1U);
}

TEST_F(MetricsWatchTest, WorkersAreListedWithTheirNamespaces) {
  Open(Gauge("load", v1::CELL_KIND_DOUBLE));
  const auto local = sessions_->Open({.kind = SessionKind::kLocalReadWrite,
                                      .peer = Peer{.pid = ProcessId(7), .uid = UserId(1000)},
                                      .command = "idle"});
  ASSERT_TRUE(local.ok());
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(Call(&Stub::ListWorkers, v1::ListWorkersRequest(), &workers).ok());
  ASSERT_EQ(workers.workers_size(), 1) << "who has opened nothing is none";
  EXPECT_EQ(workers.workers(0).session_id(), session_.id.value());
  EXPECT_FALSE(workers.workers(0).has_pid());
  ASSERT_EQ(workers.workers(0).namespaces_size(), 1);
  EXPECT_EQ(workers.workers(0).namespaces(0), "shop");
}

}  // namespace
}  // namespace percpud
