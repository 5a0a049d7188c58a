// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/startup_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What LogLayout writes about a layout, each line after its level.
std::string Logged(const testing::Geometry& geometry) {
  std::ostringstream text;
  const auto before = spdlog::default_logger();
  const auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  logger->set_pattern("%l %v");
  spdlog::set_default_logger(logger);
  testing::HeapPageSource pages(geometry.arena_size);
  const auto allocator = testing::MakeAllocator(geometry, pages, {});
  EXPECT_TRUE(allocator.ok()) << allocator.status();
  if (allocator.ok()) LogLayout(**allocator);
  spdlog::set_default_logger(before);
  return text.str();
}

TEST(StartupLogTest, WarnsOfThePagesEveryChunkWastes) {
  const std::string text = Logged({.cpus = 12, .arena_size = Bytes(2 << 20)});
  EXPECT_THAT(text, HasSubstr("warning km wastes 64 of 256 pages per chunk (25.0%)"));
  EXPECT_THAT(text, HasSubstr("pages_per_chunk=192 block_order=8 wasted_pages=64 ghost_pages=0 "
                              "tail_pages=64 (kept: see km.return_tail)\n"));
}

TEST(StartupLogTest, TellsATailThatIsGivenBack) {
  const std::string text =
      Logged({.cpus = 12, .arena_size = Bytes(2 << 20), .backend_options = {.return_tail = true}});
  EXPECT_THAT(text, HasSubstr("info km wastes 0 of 256 pages per chunk (0.0%)"));
  EXPECT_THAT(text, HasSubstr("tail_pages=64 (given back)\n"));
}

TEST(StartupLogTest, DoesNotWarnOfALayoutThatFits) {
  const std::string text = Logged({.cpus = 4, .arena_size = Bytes(2 << 20)});
  EXPECT_THAT(text, Not(HasSubstr("warning")));
  EXPECT_THAT(text, HasSubstr("wasted_pages=0 ghost_pages=0\n"));
}

TEST(StartupLogTest, TellsTheSizesAndEachGroupsCpus) {
  const std::string text =
      Logged({.cpus = 3, .reserved_size = Bytes(8192), .arena_size = Bytes(2 << 20)});
  EXPECT_THAT(text, HasSubstr("static 4KiB reserved 8KiB dynamic 52KiB unit 64KiB"));
  EXPECT_THAT(text, HasSubstr("CPUs 0 1 2\n"));
}

}  // namespace
}  // namespace percpud
