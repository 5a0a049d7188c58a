// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A start is refused, or ended, before each of its steps: whatever an earlier daemon
// left is where it was, or kept aside as a whole.

#include "server/main/arena_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr Bytes kArenaSize{1 << 20};
constexpr char kLayout[] = "unit_size=65536";
constexpr char kOtherLayout[] = "unit_size=131072";
constexpr char kThirdLayout[] = "unit_size=262144";

// Runs `work` in a process of its own and returns its exit status.
int InChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class ArenaStoreTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string arena() const { return dir_.path() + "/arena"; }
  [[nodiscard]] std::string catalog() const { return arena() + ".catalog"; }

  absl::StatusOr<std::unique_ptr<ArenaStore>> Open(const std::string& layout = kLayout,
                                                   ArenaStore::BeforeStep before_step = {}) {
    DaemonConfig config;
    config.arena_file = arena();
    config.catalog = catalog();
    config.arena_size = size_;
    config.discard = discard_;
    return ArenaStore::Open(config, layout, std::move(before_step));
  }
  // A whole start.
  absl::StatusOr<std::unique_ptr<ArenaStore>> Start(const std::string& layout = kLayout,
                                                    ArenaStore::BeforeStep before_step = {}) {
    auto store = Open(layout, std::move(before_step));
    if (!store.ok()) return store;
    absl::Status status = (*store)->Prepare(Bytes(4096));
    if (status.ok()) status = (*store)->Begin();
    if (status.ok()) status = (*store)->Settle();
    if (!status.ok()) return status;
    return store;
  }
  std::string VerdictOf(const std::string& layout) {
    const auto store = Start(layout);
    return store.ok() ? (*store)->verdict() : std::string(store.status().message());
  }
  // Leaves an arena and a catalog that tells of the variable "kept".
  void LeaveData() {
    const auto store = Start();
    ASSERT_TRUE(store.ok()) << store.status();
    catalog::Changes changes;
    changes.Put(catalog::Variable{.name = "kept", .size = Bytes(8)});
    ASSERT_TRUE((*store)->catalog()->Commit(std::move(changes)).ok());
  }
  // Whether an arena at `arena` and a catalog that tells of it and of "kept" are there.
  static bool IsPair(const std::string& arena, const std::string& catalog) {
    struct stat file {};
    if (stat(arena.c_str(), &file) != 0 || !catalog::Inspect(catalog).ok()) return false;
    auto opened = catalog::Catalog::Open({.path = catalog, .is_locked = true});
    if (!opened.ok()) return false;
    const auto contents = (*opened)->Load([](const catalog::Area&, std::size_t) { return true; });
    return contents.ok() && contents->arena.file.inode == file.st_ino &&
           contents->variables.size() == 1 && contents->variables[0].name == "kept";
  }
  [[nodiscard]] bool IsInPlace() const { return IsPair(arena(), catalog()); }
  [[nodiscard]] bool IsAside() const { return IsPair(arena() + ".old-1", catalog() + ".old-1"); }

  // Every file, which one it is, and what is in it.
  using Snapshot = std::map<std::string, std::pair<std::uint64_t, std::string>>;
  [[nodiscard]] Snapshot Look() const {
    Snapshot out;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      struct stat file {};
      stat(entry.path().c_str(), &file);
      std::ostringstream content;
      if (entry.is_regular_file()) {
        content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      }
      out[entry.path()] = {file.st_ino, content.str()};
    }
    return out;
  }
  // The steps of a start with that layout, which then fails at its end.
  std::vector<std::string> StepsOf(const std::string& layout) {
    std::vector<std::string> steps;
    InChildWithSteps(layout, steps);
    return steps;
  }

  percpud::testing::TempDir dir_{fs::exists("/dev/shm") ? "/dev/shm" : ""};
  Bytes size_ = kArenaSize;
  bool discard_ = false;

 private:
  // Takes the steps over a pipe, so that what the start does is done elsewhere: to a
  // copy of the directory.
  void InChildWithSteps(const std::string& layout, std::vector<std::string>& steps) {
    const std::string copy = dir_.path() + ".copy";
    fs::copy(dir_.path(), copy, fs::copy_options::recursive);
    DaemonConfig config;
    config.arena_file = copy + "/arena";
    config.catalog = copy + "/arena.catalog";
    config.arena_size = size_;
    config.discard = discard_;
    const auto note = [&steps](absl::string_view step) {
      steps.emplace_back(step);
      return absl::OkStatus();
    };
    {
      auto store = ArenaStore::Open(config, layout, note);
      ASSERT_TRUE(store.ok()) << store.status();
      ASSERT_TRUE((*store)->Prepare(Bytes(4096)).ok());
      ASSERT_TRUE((*store)->Begin().ok());
      ASSERT_TRUE((*store)->Settle().ok());
    }
    fs::remove_all(copy);
  }
};

ArenaStore::BeforeStep RefuseAt(const std::string& at) {
  return [at](absl::string_view step) {
    return step == at ? absl::ResourceExhaustedError("refused by the test") : absl::OkStatus();
  };
}

ArenaStore::BeforeStep EndAt(const std::string& at) {
  return [at](absl::string_view step) {
    if (step == at) _exit(9);
    return absl::OkStatus();
  };
}

// --- What is refused -------------------------------------------------------------

TEST_F(ArenaStoreTest, AFirstStartThatIsRefusedAnywhereLeavesNothing) {
  const std::vector<std::string> steps = StepsOf(kLayout);
  ASSERT_GE(steps.size(), 8u);
  for (const std::string& step : steps) {
    EXPECT_FALSE(Start(kLayout, RefuseAt(step)).ok()) << step;
    EXPECT_TRUE(Look().empty()) << step;
  }
}

TEST_F(ArenaStoreTest, ARefusedStartWithAnotherLayoutLeavesTheDataInPlace) {
  LeaveData();
  const Snapshot before = Look();
  for (const std::string& step : StepsOf(kOtherLayout)) {
    EXPECT_FALSE(Start(kOtherLayout, RefuseAt(step)).ok()) << step;
    const Snapshot after = Look();
    for (const auto& [path, file] : before) {
      const auto found = after.find(path);
      ASSERT_NE(found, after.end()) << path << " is gone after " << step;
      EXPECT_EQ(found->second.first, file.first) << path << " is another file after " << step;
      EXPECT_TRUE(found->second.second == file.second) << path << " has changed after " << step;
    }
    EXPECT_TRUE(IsInPlace()) << step;
    for (const auto& [path, file] : after) {
      EXPECT_FALSE(absl::StrContains(path, "percpud-new")) << path << " after " << step;
    }
  }
  EXPECT_THAT(VerdictOf(kLayout), HasSubstr("warm"));
}

TEST_F(ArenaStoreTest, ARefusedWarmStartIsWarmTheNextTime) {
  LeaveData();
  for (const std::string& step : StepsOf(kOtherLayout)) {
    static_cast<void>(Start(kLayout, RefuseAt(step)));
    EXPECT_TRUE(IsInPlace()) << step;
  }
  EXPECT_THAT(VerdictOf(kLayout), HasSubstr("warm"));
}

// A shortage of descriptors does this: a file that cannot be opened says nothing of
// what is in it.
TEST_F(ArenaStoreTest, WithTooFewDescriptorsAStartIsWarmOrRefused) {
  LeaveData();
  constexpr int kWarm = 0;
  constexpr int kRefused = 1;
  constexpr int kCold = 2;
  std::set<int> seen;
  for (rlim_t limit = 3; limit < 40; ++limit) {
    seen.insert(InChild([&] {
      const rlimit few{.rlim_cur = limit, .rlim_max = limit};
      setrlimit(RLIMIT_NOFILE, &few);
      const auto store = Start();
      if (!store.ok()) return kRefused;
      return (*store)->remembered() ? kWarm : kCold;
    }));
    EXPECT_TRUE(IsInPlace()) << limit;
  }
  EXPECT_EQ(seen, (std::set<int>{kWarm, kRefused}));
}

TEST_F(ArenaStoreTest, AFirstChunkThatDoesNotFitIsRefusedInWords) {
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  const absl::Status status = (*store)->Prepare(Bytes(std::uint64_t{1} << 60));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  store->reset();
  EXPECT_TRUE(Look().empty());
}

// --- Who is ended -----------------------------------------------------------------

TEST_F(ArenaStoreTest, EndedAtAnyStepTheDataIsInPlaceOrAside) {
  LeaveData();
  for (const std::string& step : StepsOf(kOtherLayout)) {
    EXPECT_EQ(InChild([&] {
                static_cast<void>(Start(kOtherLayout, EndAt(step)));
                return 0;
              }),
              9)
        << step;
    EXPECT_TRUE(IsInPlace() || IsAside()) << step;
    // Nothing empty ever takes the place of the data, however many starts follow.
    for (const char* layout : {kOtherLayout, kThirdLayout, kOtherLayout}) {
      EXPECT_THAT(VerdictOf(layout), HasSubstr("cold")) << step;
      EXPECT_TRUE(IsAside()) << step;
    }
    for (const auto& entry : fs::directory_iterator(dir_.path())) fs::remove_all(entry.path());
    LeaveData();
  }
}

// --- What is kept -----------------------------------------------------------------

TEST_F(ArenaStoreTest, WhatIsAsideIsReplacedByDataOnly) {
  LeaveData();
  EXPECT_THAT(VerdictOf(kOtherLayout), HasSubstr("kept aside"));
  EXPECT_TRUE(IsAside());
  EXPECT_THAT(VerdictOf(kThirdLayout), Not(HasSubstr("kept aside")));
  EXPECT_TRUE(IsAside());
  std::size_t aside = 0;
  for (const auto& entry : fs::directory_iterator(dir_.path())) {
    aside += absl::StrContains(entry.path().string(), ".old-") ? 1 : 0;
  }
  EXPECT_EQ(aside, 2u);
}

TEST_F(ArenaStoreTest, ForeignFilesInTheCatalogsDirectoryStayWhereTheyAre) {
  LeaveData();
  std::ofstream(catalog() + "/lock.mdb") << "somebody's";
  const auto foreign = Look()[catalog() + "/lock.mdb"];
  EXPECT_THAT(VerdictOf(kOtherLayout), HasSubstr("kept aside"));
  EXPECT_EQ(Look()[catalog() + "/lock.mdb"], foreign);
  discard_ = true;
  EXPECT_THAT(VerdictOf(kThirdLayout), HasSubstr("wiped"));
  EXPECT_EQ(Look()[catalog() + "/lock.mdb"], foreign);
}

TEST_F(ArenaStoreTest, DiscardKeepsNothingAside) {
  LeaveData();
  discard_ = true;
  EXPECT_THAT(VerdictOf(kOtherLayout), HasSubstr("wiped"));
  for (const auto& [path, file] : Look()) {
    EXPECT_FALSE(absl::StrContains(path, ".old-")) << path;
  }
}

// --- Who holds it -----------------------------------------------------------------

TEST_F(ArenaStoreTest, ASecondDaemonIsRefusedBeforeItLooks) {
  LeaveData();
  const auto first = Start();
  ASSERT_TRUE(first.ok()) << first.status();
  const Snapshot before = Look();
  const absl::Status second = Open(kOtherLayout).status();
  EXPECT_EQ(errors::ReasonOf(second), "CATALOG_IN_USE") << second;
  EXPECT_EQ(Look(), before);
}

TEST_F(ArenaStoreTest, TheArenaIsHeldWhateverTheCatalog) {
  // Once as it was made, once as it was found.
  for (int i = 0; i < 2; ++i) {
    const auto first = Start();
    ASSERT_TRUE(first.ok()) << first.status();
    DaemonConfig config;
    config.arena_file = arena();
    config.catalog = dir_.path() + "/other";
    config.arena_size = size_;
    const absl::Status second = ArenaStore::Open(config, kLayout).status();
    EXPECT_EQ(errors::ReasonOf(second), "ARENA_IN_USE") << second;
    EXPECT_FALSE(fs::exists(config.catalog));
  }
}

// --- Another size -----------------------------------------------------------------

TEST_F(ArenaStoreTest, ALargerArenaSizeGrowsTheFile) {
  LeaveData();
  size_ = Bytes(3 << 20);
  const std::string verdict = VerdictOf(kLayout);
  EXPECT_THAT(verdict, HasSubstr("warm"));
  EXPECT_THAT(verdict, HasSubstr("grows from 1MiB to 3MiB"));
  EXPECT_EQ(fs::file_size(arena()), 3u << 20);
  EXPECT_TRUE(IsInPlace());
  EXPECT_THAT(VerdictOf(kLayout), Not(HasSubstr("grows")));
}

TEST_F(ArenaStoreTest, AStartThatFailsAfterGrowingShrinksTheFileAgain) {
  LeaveData();
  size_ = Bytes(3 << 20);
  EXPECT_FALSE(Start(kLayout, RefuseAt("begin")).ok());
  EXPECT_EQ(fs::file_size(arena()), 1u << 20);
  EXPECT_EQ(InChild([&] {
              static_cast<void>(Start(kLayout, EndAt("begin")));
              return 0;
            }),
            9);
  size_ = kArenaSize;
  EXPECT_THAT(VerdictOf(kLayout), HasSubstr("warm"));
  EXPECT_EQ(fs::file_size(arena()), 1u << 20);
}

TEST_F(ArenaStoreTest, ASmallerArenaSizeIsAnotherLayout) {
  LeaveData();
  size_ = Bytes(512 << 10);
  EXPECT_THAT(VerdictOf(kLayout), HasSubstr("arena_size: 512KiB is not the 1MiB that are there"));
  EXPECT_TRUE(IsAside());
}

}  // namespace
}  // namespace percpud
