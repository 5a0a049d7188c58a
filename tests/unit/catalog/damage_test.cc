// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever is done to the file: a verdict, no abort, and the file as it was.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "server/catalog/catalog.h"
#include "tests/unit/catalog/rig.h"

namespace percpud::catalog::testing {
namespace {

class DamageTest : public CatalogTest {
 protected:
  void SetUp() override {
    const auto catalog = Open();
    Begin(*catalog);
    ASSERT_TRUE(PutAreas(*catalog, 0, 500).ok());
    Changes changes;
    changes.Put(Session{.id = SessionId(7), .command = "shard"});
    ASSERT_TRUE(catalog->Commit(std::move(changes)).ok());
  }
  [[nodiscard]] std::string file() const { return path() + "/data.mdb"; }
  [[nodiscard]] std::string Bytes() const {
    std::ostringstream out;
    out << std::ifstream(file(), std::ios::binary).rdbuf();
    return out.str();
  }
  void Write(const std::string& bytes) const {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
  }
};

TEST_F(DamageTest, SoundIsOk) { EXPECT_TRUE(Inspect(path()).ok()) << Inspect(path()); }

TEST_F(DamageTest, WhereEndsOfChildrenAreIgnoredThereIsNoVerdict) {
  Write(Bytes().substr(0, 8192));
  const auto before = signal(SIGCHLD, SIG_IGN);
  const absl::Status verdict = Inspect(path());
  signal(SIGCHLD, before);
  EXPECT_FALSE(verdict.ok());
  EXPECT_FALSE(IsAboutContent(verdict)) << verdict;
  EXPECT_TRUE(IsAboutContent(Inspect(path())));
}

TEST_F(DamageTest, NoneIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Inspect(dir_.path() + "/elsewhere")));
}

TEST_F(DamageTest, TruncatedAnywhere) {
  const std::string whole = Bytes();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{8192},
        std::size_t{12288}, std::size_t{20000}, std::size_t{40960}}) {
    Write(whole.substr(0, size));
    const absl::Status verdict = Inspect(path());
    EXPECT_TRUE(absl::IsDataLoss(verdict)) << size << ": " << verdict;
    EXPECT_EQ(Bytes().size(), size);
  }
}

TEST_F(DamageTest, AnotherProgramsFile) {
  Write(std::string(64 << 10, 'x'));
  EXPECT_TRUE(absl::IsDataLoss(Inspect(path()))) << Inspect(path());
}

TEST_F(DamageTest, AnotherFormat) {
  {
    const auto catalog = Open();
    Changes changes;
    changes.PutFormat();
    ASSERT_TRUE(catalog->Commit(std::move(changes)).ok());
  }
  // The one byte of "percpud catalog 1" that says which.
  std::string bytes = Bytes();
  for (std::size_t at = bytes.find(std::string(kFormat)); at != std::string::npos;
       at = bytes.find(std::string(kFormat), at + 1)) {
    bytes[at + kFormat.size() - 1] = '9';
  }
  Write(bytes);
  const absl::Status verdict = Inspect(path());
  EXPECT_TRUE(absl::IsFailedPrecondition(verdict)) << verdict;
}

// A meta page: two of them follow the page's header of 16 bytes, and the younger is used.
struct Meta {
  std::uint64_t magic_and_version;
  std::uint64_t address;
  std::uint64_t map_size;
  std::array<std::uint64_t, 6> free;
  std::array<std::uint64_t, 6> main;
  std::uint64_t last_page;
  std::uint64_t commit;
};

class MetaDamageTest : public DamageTest {
 protected:
  // Changes the younger meta page.
  void Change(const std::function<void(Meta&)>& change) {
    std::string bytes = Bytes();
    std::array<Meta, 2> metas{};
    for (std::size_t i = 0; i < 2; ++i) {
      std::memcpy(&metas[i], bytes.data() + i * 4096 + 16, sizeof(Meta));
    }
    const std::size_t young = metas[0].commit > metas[1].commit ? 0 : 1;
    change(metas[young]);
    std::memcpy(bytes.data() + young * 4096 + 16, &metas[young], sizeof(Meta));
    Write(bytes);
  }
};

TEST_F(MetaDamageTest, OneCommitBackIsDamage) {
  for (const std::uint64_t commit : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0} >> 1}) {
    const std::string whole = Bytes();
    Change([commit](Meta& meta) { meta.commit = commit; });
    EXPECT_TRUE(absl::IsDataLoss(Inspect(path()))) << commit << ": " << Inspect(path());
    Write(whole);
  }
}

// A daemon that is killed between its commit and the commit's number leaves this.
TEST_F(MetaDamageTest, OneCommitAheadOfItsNumberIsSound) {
  const std::string before = Bytes();
  {
    const auto catalog = Open();
    ASSERT_TRUE(PutAreas(*catalog, 1000, 1).ok());
  }
  std::string after = Bytes();
  ASSERT_EQ(before.size(), after.size());
  std::uint64_t number = 0;
  const std::size_t at = after.size() - 4096 + sizeof(number);
  std::memcpy(&number, after.data() + at, sizeof(number));
  for (const std::uint64_t behind : {0, 1, 2}) {
    const std::uint64_t said = number - behind;
    std::memcpy(after.data() + at, &said, sizeof(said));
    Write(after);
    EXPECT_EQ(Inspect(path()).ok(), behind < 2) << behind << ": " << Inspect(path());
  }
}

TEST_F(MetaDamageTest, AFreeListThatIsGoneOrElsewhereIsDamage) {
  for (const std::uint64_t root : {~std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{1} << 40}) {
    const std::string whole = Bytes();
    Change([root](Meta& meta) { meta.free[5] = root; });
    EXPECT_TRUE(absl::IsDataLoss(Inspect(path()))) << root << ": " << Inspect(path());
    Write(whole);
  }
}

// Whatever word is damaged in the first bytes of a page or in a record of free pages: it
// is seen, or the catalog goes on without harm.
TEST_F(MetaDamageTest, AnyWordIsSeenOrDoesNoHarm) {
  {
    const auto catalog = Open();
    for (std::uint64_t i = 0; i < 200; ++i) ASSERT_TRUE(PutAreas(*catalog, i * 2, 1).ok());
  }
  const std::string whole = Bytes();
  const auto sound = [this] { return Areas(*Open()); }();
  std::mt19937 random(7);
  int seen = 0;
  constexpr int kTrials = 60;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::string bad = whole;
    const std::size_t page = random() % 16;
    const std::size_t at = page * 4096 + random() % 64 * (trial % 3 == 0 ? 64 : 1);
    bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    Write(bad);
    if (!Inspect(path()).ok()) {
      ++seen;
      continue;
    }
    const auto catalog = Open();
    ASSERT_EQ(Areas(*catalog), sound) << "byte " << at;
    for (std::uint64_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(PutAreas(*catalog, 5000 + i, 1).ok()) << "byte " << at;
    }
    auto with_more = Areas(*catalog);
    std::erase_if(with_more, [](const auto& area) { return area.first >= 5000 * 8; });
    EXPECT_EQ(with_more, sound) << "byte " << at;
  }
  EXPECT_GT(seen, kTrials / 10);
}

// A flipped bit is noticed or harmless (in a page that is not in use), and the
// file is left alone.
TEST_F(DamageTest, FlippedBits) {
  const std::string whole = Bytes();
  int noticed = 0;
  constexpr std::size_t kStep = 1499;
  for (std::size_t at = 0; at < 100'000; at += kStep) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    Write(bad);
    const absl::Status verdict = Inspect(path());
    EXPECT_TRUE(verdict.ok() || absl::IsDataLoss(verdict) || absl::IsFailedPrecondition(verdict))
        << at << ": " << verdict;
    noticed += verdict.ok() ? 0 : 1;
    EXPECT_EQ(Bytes(), bad);
  }
  EXPECT_GT(noticed, 3);
}

}  // namespace
}  // namespace percpud::catalog::testing
