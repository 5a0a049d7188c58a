// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever is done to the file: a verdict, no abort, and the file as it was.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
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

// A flipped bit is noticed or harmless (in a page that is not in use), and the
// file is left alone.
TEST_F(DamageTest, FlippedBits) {
  const std::string whole = Bytes();
  int noticed = 0;
  constexpr std::size_t kStep = 229;
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
  EXPECT_GT(noticed, 20);
}

}  // namespace
}  // namespace percpud::catalog::testing
