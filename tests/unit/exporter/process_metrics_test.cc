// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/exposition/text.h"
#include "tests/support/process.h"

namespace percpud::exporter {
namespace {

using exposition::Format;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Write(const Workers& workers, const std::string& proc,
                  std::string_view label = "percpud_namespace") {
  exposition::Text text;
  exposition::Writer writer(text, Format::kOpenMetrics);
  WriteProcesses(workers, label, writer, proc);
  return std::string(text.view());
}

class ProcessMetricsTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& content) {
    const std::filesystem::path file = dir_.path() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }

  testing::TempDir dir_;
};

TEST_F(ProcessMetricsTest, WhatProcShowsIsShown) {
  Put("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n");
  // The name of a process may be anything.
  Put("41/stat", absl::StrCat("41 (a) b (c) R 1 41 41 0 -1 0 0 0 0 0 ", 3 * sysconf(_SC_CLK_TCK),
                              " ", sysconf(_SC_CLK_TCK), " 0 0 20 0 1 0 ",
                              10 * sysconf(_SC_CLK_TCK), " 8192 2 0\n"));
  Put("41/limits",
      "Limit                     Soft Limit           Hard Limit           Units\n"
      "Max open files            1024                 4096                 files\n");
  Put("41/fd/0", "");
  Put("41/fd/1", "");
  const std::string text = Write({{"shop", {41, 99}}}, dir_.path());
  const std::string labels = "{percpud_namespace=\"shop\",pid=\"41\"} ";
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total" + labels + "4\n"));
  EXPECT_THAT(text, HasSubstr("process_start_time_seconds" + labels + "1700000010\n"));
  EXPECT_THAT(text, HasSubstr("process_virtual_memory_bytes" + labels + "8192\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("process_resident_memory_bytes", labels,
                                           2 * sysconf(_SC_PAGESIZE), "\n")));
  EXPECT_THAT(text, HasSubstr("process_open_fds" + labels + "2\n"));
  EXPECT_THAT(text, HasSubstr("process_max_fds" + labels + "1024\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"99\""))) << "it has ended";
}

TEST_F(ProcessMetricsTest, WhatProcHidesIsLeftOut) {
  Put("7/stat", "7 (x) R\n");
  EXPECT_EQ(Write({{"shop", {7}}}, dir_.path()), "");
  EXPECT_EQ(Write({}, dir_.path()), "");
}

TEST_F(ProcessMetricsTest, ThisProcessIsThere) {
  const auto pid = static_cast<std::uint32_t>(getpid());
  const std::string text = Write({{"shop", {pid}}}, "/proc", "");
  EXPECT_THAT(text, HasSubstr(absl::StrCat("process_resident_memory_bytes{pid=\"", pid, "\"} ")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("process_open_fds{pid=\"", pid, "\"} ")));
}

}  // namespace
}  // namespace percpud::exporter
