// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/exhaustion_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "server/base/errors.h"

namespace percpud {
namespace {

class ExhaustionLogTest : public ::testing::Test {
 protected:
  ExhaustionLogTest() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
  }
  ~ExhaustionLogTest() override { spdlog::set_default_logger(before_); }

  [[nodiscard]] std::ptrdiff_t lines() const {
    const std::string text = out_.str();
    return std::count(text.begin(), text.end(), '\n');
  }

  const std::shared_ptr<spdlog::logger> before_;
  std::ostringstream out_;
  ExhaustionLog log_;
};

TEST_F(ExhaustionLogTest, TheFirstIsSaidAtOnceAndTheNextNotForAMinute) {
  const absl::Status full = errors::ArenaFull(Bytes(1 << 20), Bytes(4 << 20), Pages(3));
  log_.Note(full);
  EXPECT_NE(out_.str().find("arena is full"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("warning"), std::string::npos) << out_.str();
  for (int i = 0; i < 1000; ++i) log_.Note(full);
  EXPECT_EQ(lines(), 1);
}

TEST_F(ExhaustionLogTest, OtherRefusalsAreNotTheOperatorsBusiness) {
  log_.Note(errors::SizeIsZero());
  log_.Note(absl::OkStatus());
  EXPECT_EQ(lines(), 0);
}

}  // namespace
}  // namespace percpud
