// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever clients do, in any order, the next start takes it up: one record that it refused
// would cost everybody everything.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/metrics/rules.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

using cells::GaugeFold;
using metrics::Cells;
using metrics::FamilyType;
using metrics::Shape;

class MetricsStormTest : public testing::RestartTest {
 protected:
  std::uint32_t Below(std::uint32_t count) { return static_cast<std::uint32_t>(random_() % count); }
  std::string NameSpace() { return absl::StrCat("shop-", Below(2)); }
  std::string FamilyName() { return absl::StrCat("family_", Below(5)); }
  // Labels that are numbers too, as slots are.
  std::string WriterLabel() { return Below(2) == 0 ? "" : absl::StrCat(Below(4)); }

  Shape AnyShape() {
    static const std::vector<std::pair<FamilyType, Cells>> kKinds = {
        {FamilyType::kCounter, Cells::kInteger},     {FamilyType::kCounter, Cells::kDouble},
        {FamilyType::kHistogram, Cells::kHistogram}, {FamilyType::kSummary, Cells::kSummary},
        {FamilyType::kGauge, Cells::kShared},        {FamilyType::kGauge, Cells::kWriter},
        {FamilyType::kGauge, Cells::kWriter},        {FamilyType::kGauge, Cells::kWriter}};
    const auto& [type, cells] = kKinds[Below(static_cast<std::uint32_t>(kKinds.size()))];
    Shape out{.name = FamilyName(), .type = type, .cells = cells};
    if (Below(2) == 0) out.labels = {"path"};
    if (type == FamilyType::kHistogram) out.bounds = {1, 2};
    if (cells == Cells::kWriter) {
      out.mode = {.fold = static_cast<GaugeFold>(Below(5)), .live_only = Below(2) == 0};
    }
    return out;
  }
  std::string ValuesFor(const Shape& shape) {
    std::string out;
    if (!shape.labels.empty()) metrics::AppendValue(absl::StrCat("/", Below(6)), out);
    return out;
  }

  void OpenSome(const Caller& caller) {
    const std::string name_space = NameSpace();
    const std::string label = WriterLabel();
    OpeningWanted wanted{
        .name_space = name_space, .families = {}, .writer = label, .slot = Below(3) == 0};
    std::vector<std::string> values;
    for (std::uint32_t i = 0; i <= Below(3); ++i) {
      FamilyWanted& family = wanted.families.emplace_back();
      family.shape = AnyShape();
      family.max_series = Below(3) == 0 ? 3 : 0;
      values.push_back(ValuesFor(family.shape));
    }
    for (std::size_t i = 0; i < values.size(); ++i) wanted.families[i].series = {values[i]};
    const auto opened = sessions_->metrics().Open(caller, wanted);
    if (opened.ok() && opened->writer != WriterId(0)) writers_.emplace_back(caller, opened->writer);
  }
  void TakeAway(const Caller& caller) {
    const Shape shape = AnyShape();
    const std::string values = ValuesFor(shape);
    RemovalWanted wanted{.family = shape.name};
    if (Below(2) == 0) wanted.values = values;
    wanted.removal = Below(2) == 0 ? Removal::kRemove : Removal::kReset;
    static_cast<void>(sessions_->metrics().Remove(caller, NameSpace(), wanted));
  }
  void CloseOne() {
    if (writers_.empty()) return;
    const auto& [caller, writer] = writers_[Below(static_cast<std::uint32_t>(writers_.size()))];
    static_cast<void>(sessions_->metrics().CloseWriter(caller, writer));
  }

  std::mt19937 random_{1};
  std::map<std::uint32_t, OpenedSession> live_;
  std::vector<std::pair<Caller, WriterId>> writers_;
};

TEST_F(MetricsStormTest, EveryStartIsWarm) {
  std::uint32_t pid = 0;
  for (int step = 0; step < 1000; ++step) {
    if (live_.size() < 2 || (live_.size() < 6 && Below(20) == 0)) {
      ++pid;
      live_[pid] = Open(pid);
    }
    const auto one = std::next(live_.begin(), Below(static_cast<std::uint32_t>(live_.size())));
    const Caller caller = CallerOf(one->second);
    switch (Below(40)) {
      case 0:
        ASSERT_NO_FATAL_FAILURE(Restart()) << step;
        ASSERT_TRUE(sessions_->CheckInvariants().ok()) << step;
        writers_.clear();
        break;
      case 1:
        EXPECT_TRUE(sessions_->End(one->second.id));
        live_.erase(one);
        break;
      case 2:
        // It dies together with the daemon.
        processes_.erase(one->first);
        live_.erase(one);
        ASSERT_NO_FATAL_FAILURE(Restart()) << step;
        break;
      case 3:
        static_cast<void>(sessions_->metrics().Reset(caller, NameSpace(), 0));
        break;
      case 4:
      case 5:
        clock_.Advance(absl::Minutes(2));
        sessions_->metrics().Collect();
        break;
      case 6:
      case 7:
      case 8:
        CloseOne();
        break;
      case 9:
      case 10:
      case 11:
      case 12:
        TakeAway(caller);
        break;
      default:
        OpenSome(caller);
    }
  }
}

}  // namespace
}  // namespace percpud
