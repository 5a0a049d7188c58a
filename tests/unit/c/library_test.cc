// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a program takes upon itself that loads libpercpud.so: nothing but libc, and
// the names of percpud.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::UnorderedElementsAre;

std::string Library() {
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe");
  return here.parent_path().parent_path() / "lib" / "libpercpud.so.0";
}

// The first group of each match in what a command prints.
std::multiset<std::string> Matches(const std::vector<std::string>& command,
                                   const std::string& pattern) {
  const auto ran = percpud::testing::RunToEnd(command);
  EXPECT_TRUE(ran.ok() && ran->exit_code == 0) << ran.status();
  if (!ran.ok()) return {};
  std::multiset<std::string> out;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(ran->out.begin(), ran->out.end(), regex), end; at != end; ++at) {
    out.insert((*at)[1]);
  }
  return out;
}

class LibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(PERCPUD_ASAN) || defined(PERCPUD_TSAN)
    GTEST_SKIP() << "a sanitizer's runtime is linked in";
#endif
    if (access("/usr/bin/readelf", X_OK) != 0) GTEST_SKIP() << "no binutils";
  }
};

TEST_F(LibraryTest, NeedsLibcAlone) {
  EXPECT_THAT(Matches({"/usr/bin/readelf", "-dW", Library()}, R"(\(NEEDED\).*\[(.*)\])"),
              UnorderedElementsAre("libc.so.6"));
}

// After its last sequence a thread's rseq area still points into the library.
TEST_F(LibraryTest, IsNeverUnmapped) {
  EXPECT_THAT(Matches({"/usr/bin/readelf", "-dW", Library()}, R"(FLAGS_1\).*(NODELETE))"),
              UnorderedElementsAre("NODELETE"));
}

// A name that is gone breaks programs, and one that is new is promised for ever.
TEST_F(LibraryTest, ShowsTheNamesOfItsHeaderUnderTheirVersion) {
  EXPECT_THAT(
      Matches({"/usr/bin/nm", "-D", "--defined-only", Library()}, R"([TDBRVW] (\S+))"),
      UnorderedElementsAre(
          "percpud_add@@PERCPUD_0", "percpud_add_to_sum@@PERCPUD_0", "percpud_adjust@@PERCPUD_0",
          "percpud_adjust_cell@@PERCPUD_0", "percpud_bucket_of@@PERCPUD_0",
          "percpud_close@@PERCPUD_0", "percpud_collect@@PERCPUD_0",
          "percpud_collect_begin@@PERCPUD_0", "percpud_collection_end@@PERCPUD_0",
          "percpud_collection_family@@PERCPUD_0", "percpud_collection_is_fresh@@PERCPUD_0",
          "percpud_collection_size@@PERCPUD_0", "percpud_counter_add@@PERCPUD_0",
          "percpud_counter_add_call@@PERCPUD_0", "percpud_counter_open@@PERCPUD_0",
          "percpud_counter_sum@@PERCPUD_0", "percpud_discard@@PERCPUD_0",
          "percpud_family_open@@PERCPUD_0", "percpud_free@@PERCPUD_0", "percpud_get@@PERCPUD_0",
          "percpud_histogram_observe@@PERCPUD_0", "percpud_histogram_observe_call@@PERCPUD_0",
          "percpud_is_attached@@PERCPUD_0", "percpud_number_add@@PERCPUD_0",
          "percpud_number_add_call@@PERCPUD_0", "percpud_observe@@PERCPUD_0",
          "percpud_on_notice@@PERCPUD_0", "percpud_open@@PERCPUD_0", "percpud_open_as@@PERCPUD_0",
          "percpud_poll@@PERCPUD_0", "percpud_read_series@@PERCPUD_0", "percpud_reason@@PERCPUD_0",
          "percpud_remove@@PERCPUD_0", "percpud_remove_all@@PERCPUD_0", "percpud_render@@PERCPUD_0",
          "percpud_reset@@PERCPUD_0", "percpud_reset_all@@PERCPUD_0",
          "percpud_reset_namespace@@PERCPUD_0", "percpud_series_counter@@PERCPUD_0",
          "percpud_series_histogram@@PERCPUD_0", "percpud_series_is_shared@@PERCPUD_0",
          "percpud_series_number@@PERCPUD_0", "percpud_series_open@@PERCPUD_0",
          "percpud_series_open_as@@PERCPUD_0", "percpud_set@@PERCPUD_0",
          "percpud_set_at@@PERCPUD_0", "percpud_variable_cpus@@PERCPUD_0",
          "percpud_variable_data@@PERCPUD_0", "percpud_variable_is_writable@@PERCPUD_0",
          "percpud_variable_open@@PERCPUD_0", "percpud_variable_size@@PERCPUD_0",
          "percpud_version@@PERCPUD_0", "percpud_wait@@PERCPUD_0",
          "percpud_writer_close@@PERCPUD_0", "percpud_writer_slot@@PERCPUD_0"));
}

}  // namespace
}  // namespace percpud
