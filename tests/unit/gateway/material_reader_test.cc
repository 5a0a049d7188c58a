// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/material_reader.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "tests/support/process.h"

namespace percpud::gateway {
namespace {

const tls::Material kMaterial{
    .certificate = "c", .key = std::string("k\0", 2), .trusted_ca = "a", .revocations = {"1", "2"}};

TEST(MaterialReaderTest, WhatIsWrittenIsReadWhateverPiecesItComesIn) {
  const std::string all = EncodeMaterial(kMaterial) + EncodeMaterial(errors::BadConfig("f", "no"));
  std::string bytes;
  std::vector<absl::StatusOr<tls::Material>> read;
  for (const char byte : all) {
    bytes += byte;
    while (auto next = TakeMaterial(bytes)) read.push_back(*std::move(next));
  }
  EXPECT_EQ(bytes, "");
  ASSERT_EQ(read.size(), 2U);
  ASSERT_TRUE(read[0].ok()) << read[0].status();
  EXPECT_EQ(*read[0], kMaterial);
  EXPECT_EQ(read[1].status().message(), "f: no");
}

TEST(MaterialReaderTest, WhatIsNoAnswerIsAnError) {
  std::string bytes = EncodeMaterial(kMaterial);
  // Its length stays, and nothing in it makes sense.
  for (std::size_t i = 8; i < bytes.size(); ++i) bytes[i] = '\xff';
  const auto read = TakeMaterial(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->ok());
  EXPECT_EQ(bytes, "");
}

TEST(MaterialReaderTest, TheReaderReadsWhatIsThereWhenItIsAsked) {
  const testing::TempDir dir;
  const tls::Files files{.certificate = dir.path() + "/c",
                         .key = dir.path() + "/k",
                         .trusted_ca = dir.path() + "/a",
                         .crl_dir = {}};
  const absl::StatusOr<UniqueFd> reader = StartReader(files);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto ask = [&] {
    AskReader(reader->get());
    std::string bytes;
    std::array<char, 4096> some;
    while (true) {
      const ssize_t got = recv(reader->get(), some.data(), some.size(), 0);
      if (got <= 0) return absl::StatusOr<tls::Material>(absl::UnavailableError("it has ended"));
      bytes.append(some.data(), static_cast<std::size_t>(got));
      if (auto read = TakeMaterial(bytes)) return *std::move(read);
    }
  };
  EXPECT_EQ(ask().status().message(),
            "tls.cert_file: " + files.certificate + ": No such file or directory");
  for (const std::string& path : {files.certificate, files.key, files.trusted_ca}) {
    std::ofstream(path) << "text of " << path;
  }
  chmod(files.key.c_str(), 0600);
  const absl::StatusOr<tls::Material> read = ask();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->certificate, "text of " + files.certificate);
  EXPECT_EQ(read->trusted_ca, "text of " + files.trusted_ca);
}

}  // namespace
}  // namespace percpud::gateway
