// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the agent keeps in files: the view, targets, its incarnation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "server/fleet/atomic_file.h"
#include "server/fleet/file_sd.h"
#include "server/fleet/incarnation.h"
#include "server/fleet/view_file.h"
#include "tests/support/process.h"

namespace percpud::fleet {
namespace {

using ::testing::HasSubstr;

class FilesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  static bool Exists(const std::string& path) {
    struct stat found {};
    return stat(path.c_str(), &found) == 0;
  }

  percpud::testing::TempDir dir_;
};

v1::View SomeView() {
  v1::View out;
  out.set_fleet("f");
  out.set_revision(12);
  v1::Host& first = *out.add_hosts();
  first.set_name("a");
  first.set_state(v1::HOST_STATE_LOST);
  first.mutable_lost_since()->set_seconds(1700000000);
  first.mutable_record()->set_metrics_address("a:9437");
  (*first.mutable_record()->mutable_labels())["zone"] = "z\"1";
  (*first.mutable_record()->mutable_labels())["no-label"] = "x";
  (*first.mutable_record()->mutable_labels())["__meta"] = "x";
  v1::Host& second = *out.add_hosts();
  second.set_name("b");
  second.set_state(v1::HOST_STATE_UP);
  second.mutable_drain()->set_reason("disk");
  return out;
}

TEST_F(FilesTest, AViewComesBackAsItWas) {
  const std::string path = Path("view.json");
  ASSERT_TRUE(StoreView(path, SomeView()).ok());
  const auto view = LoadView(path, "f");
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->SerializeAsString().size(), SomeView().SerializeAsString().size());
  EXPECT_EQ(view->hosts(0).lost_since().seconds(), 1700000000);
  EXPECT_EQ(view->hosts(1).drain().reason(), "disk");
  EXPECT_FALSE(Exists(path + ".new"));
}

TEST_F(FilesTest, WithoutAFileThereIsNoView) {
  EXPECT_TRUE(absl::IsNotFound(LoadView(Path("view.json"), "f").status()));
}

TEST_F(FilesTest, AViewCutAtAnyByteIsKeptAside) {
  const std::string path = Path("view.json");
  ASSERT_TRUE(StoreView(path, SomeView()).ok());
  const std::string whole = *ReadWhole(path);
  // Behind the last brace there is a line's end only.
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    ASSERT_TRUE(WriteAtomically(path, whole.substr(0, size), 0644).ok());
    EXPECT_TRUE(absl::IsInvalidArgument(LoadView(path, "f").status())) << size;
    EXPECT_FALSE(Exists(path));
    EXPECT_EQ(*ReadWhole(path + ".bad"), whole.substr(0, size));
  }
}

TEST_F(FilesTest, AViewOfAnotherFleetIsNotTaken) {
  const std::string path = Path("view.json");
  ASSERT_TRUE(StoreView(path, SomeView()).ok());
  EXPECT_THAT(std::string(LoadView(path, "g").status().message()), HasSubstr("\"f\""));
}

TEST_F(FilesTest, AFieldOfALaterVersionIsPassedOver) {
  const std::string path = Path("view.json");
  ASSERT_TRUE(WriteAtomically(path, R"({"fleet": "f", "of_later": {"x": [1]}})", 0644).ok());
  EXPECT_TRUE(LoadView(path, "f").ok());
}

TEST_F(FilesTest, AWriteThatFailsLeavesTheOldContent) {
  const std::string path = Path("file");
  ASSERT_TRUE(WriteAtomically(path, "old", 0600).ok());
  ASSERT_EQ(mkdir((path + ".new").c_str(), 0700), 0);
  const absl::Status status = WriteAtomically(path, "new", 0600);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  EXPECT_EQ(*ReadWhole(path), "old");
}

TEST_F(FilesTest, TargetsAreThoseWithAMetricsAddressLostOnesToo) {
  const auto groups = nlohmann::json::parse(ToFileSd(SomeView()));
  const auto expected = nlohmann::json::parse(R"([{"targets": ["a:9437"], "labels":
      {"percpud_fleet": "f", "percpud_host": "a", "zone": "z\"1"}}])");
  EXPECT_EQ(groups, expected);
}

TEST_F(FilesTest, TargetsOfNobodyAreAnEmptyList) { EXPECT_EQ(ToFileSd({}), "[]\n"); }

TEST_F(FilesTest, TheFileOfTargetsIsWrittenWhenItChanges) {
  const std::string path = Path("targets.json");
  FileSd targets(path);
  ASSERT_TRUE(targets.Show(SomeView()).ok());
  EXPECT_EQ(*ReadWhole(path), ToFileSd(SomeView()));
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_TRUE(targets.Show(SomeView()).ok());
  EXPECT_FALSE(Exists(path));
  ASSERT_TRUE(targets.Show({}).ok());
  EXPECT_EQ(*ReadWhole(path), "[]\n");
}

TEST_F(FilesTest, AnIncarnationIsOfABootAndAStateDirectory) {
  const auto first = KeepIncarnation(Path("incarnation"), "boot");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*KeepIncarnation(Path("incarnation"), "boot"), *first);
  EXPECT_NE(*KeepIncarnation(Path("other"), "boot"), *first);
  const std::string second = *KeepIncarnation(Path("incarnation"), "next");
  EXPECT_NE(second, *first);
  EXPECT_EQ(*KeepIncarnation(Path("incarnation"), "next"), second);
}

}  // namespace
}  // namespace percpud::fleet
