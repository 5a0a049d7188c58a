// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/host_page.h"

#include <gmock/gmock.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "percpud/v1/reading.pb.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;

// In slices, as the network has it.
grpc::ByteBuffer Buffer(const std::string& bytes) {
  constexpr std::size_t kSlice = 1000;
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += kSlice) {
    slices.emplace_back(bytes.substr(at, kSlice));
  }
  return {slices.data(), slices.size()};
}

wire::ReadFamilyResponse Page(int series, int cells) {
  wire::ReadFamilyResponse out;
  out.mutable_shape()->set_name("hits");
  for (int i = 0; i < series; ++i) {
    wire::Series& one = *out.add_series();
    for (int cell = 0; cell < cells; ++cell) one.add_cells()->set_sum(0.5);
  }
  out.set_next_page_token("series.1");
  return out;
}

TEST(HostPageTest, APageIsReadAsItWasWritten) {
  for (const auto& page : {Page(1000, 65), Page(1, 65536), Page(0, 0)}) {
    wire::ReadFamilyResponse read;
    const absl::Status status = ReadPage(Buffer(page.SerializeAsString()), read);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(read.SerializeAsString(), page.SerializeAsString());
  }
}

TEST(HostPageTest, WhatBecomesTooMuchIsNotUnpacked) {
  // Two bytes each; as objects a hundred times as much.
  std::string many;
  for (int i = 0; i < 1 << 20; ++i) many += std::string("\x12\x00", 2);
  for (const std::string& bytes : {many, Page(1, 200'001).SerializeAsString()}) {
    wire::ReadFamilyResponse read;
    const absl::Status status = ReadPage(Buffer(bytes), read);
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ(read.series_size(), 0);
  }
}

TEST(HostPageTest, WhatIsNoMessageIsRefused) {
  const std::string good = Page(3, 3).SerializeAsString();
  for (const std::string& bytes :
       {good.substr(0, good.size() - 1), std::string("\x12"),
        std::string("\x12\xff\xff\xff\xff\x0f"), std::string("\x0b\x0b\x0b"),
        std::string("\x1f\x8b\x08"), std::string(20, '\xff')}) {
    wire::ReadFamilyResponse read;
    EXPECT_TRUE(absl::IsDataLoss(ReadPage(Buffer(bytes), read))) << bytes.size();
  }
}

}  // namespace
}  // namespace percpud::fleet
