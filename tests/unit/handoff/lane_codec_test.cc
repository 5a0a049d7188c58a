// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "proto/percpud/abi/v1/lane.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::abi::v1 {
namespace {

using ::testing::ElementsAre;

using Message = std::array<std::byte, kLaneMessageBytes>;

std::vector<std::byte> Copy(LaneBytes bytes) { return {bytes.begin(), bytes.end()}; }

// One of each kind.
std::vector<std::byte> OneOfEach() {
  static Message memory;
  LaneRequestWriter writer(memory);
  const std::array<std::uint64_t, 3> sizes{8, 64, 4096};
  const std::array<std::uint32_t, 3> alignments{8, 64, 4096};
  EXPECT_TRUE(writer.Ping(1));
  EXPECT_TRUE(writer.Alloc(
      2, 17,
      {.sizes = sizes, .alignments = alignments, .region = 2, .no_grow = true, .tag = "of three"}));
  EXPECT_TRUE(writer.Free(3, 18, sizes));
  EXPECT_TRUE(writer.Add(
      4, {.pointer = 4096, .delta = -7, .unit = kLaneAnyUnit, .width = sizeof(std::uint64_t)}));
  EXPECT_TRUE(writer.OpenVariable(
      5, {.name = "hits", .type = 1, .size = 8, .alignment = 16, .create = true}));
  return Copy(writer.message());
}

std::vector<LaneRequest> Requests(LaneBytes message) {
  LaneRequestReader reader(message);
  std::vector<LaneRequest> out;
  LaneRequest request;
  while (reader.Next(request) == LaneNext::kRecord) out.push_back(request);
  return out;
}

TEST(LaneCodecTest, WhatIsAskedIsRead) {
  const std::vector<std::byte> message = OneOfEach();
  ASSERT_EQ(LaneCountRequests(message), 5U);
  const std::vector<LaneRequest> requests = Requests(message);
  ASSERT_EQ(requests.size(), 5U);
  EXPECT_EQ(requests[0].kind, LaneKind::kPing);
  EXPECT_EQ(requests[0].id, 1U);

  LaneAllocView alloc;
  ASSERT_TRUE(alloc.Parse(requests[1].body));
  EXPECT_EQ(requests[1].number, 17U);
  ASSERT_EQ(alloc.sizes(), 3U);
  EXPECT_EQ(alloc.size(2), 4096U);
  ASSERT_EQ(alloc.alignments(), 3U);
  EXPECT_EQ(alloc.alignment(1), 64U);
  EXPECT_EQ(alloc.region(), 2U);
  EXPECT_TRUE(alloc.no_grow());
  EXPECT_EQ(alloc.tag(), "of three");

  LanePointersView free;
  ASSERT_TRUE(free.Parse(requests[2].body));
  ASSERT_EQ(free.pointers(), 3U);
  EXPECT_EQ(free.pointer(1), 64U);

  const auto add = LaneLoad<LaneAdd>(requests[3].body, 0);
  EXPECT_EQ(add.delta, -7);
  EXPECT_EQ(add.unit, kLaneAnyUnit);

  LaneOpenVariableView variable;
  ASSERT_TRUE(variable.Parse(requests[4].body));
  EXPECT_EQ(variable.name(), "hits");
  EXPECT_EQ(variable.head().alignment, 16U);
  EXPECT_EQ(variable.head().create, 1U);
}

TEST(LaneCodecTest, WhatIsAnsweredIsRead) {
  Message memory;
  LaneAnswerWriter writer(memory);
  const std::array<std::uint64_t, 2> pointers{4096, 8192};
  ASSERT_TRUE(writer.Ping(1));
  ASSERT_TRUE(writer.Alloc(2, pointers));
  ASSERT_TRUE(writer.Free(3, {.freed_bytes = 72}));
  ASSERT_TRUE(writer.Add(4, {.value = -1, .unit = 3, .reserved = 0}));
  ASSERT_TRUE(writer.OpenVariable(
      5,
      {.pointer = 64, .size = 8, .maker = kLaneNoMaker, .type = 1, .created = 1, .reserved = 0}));
  ASSERT_TRUE(writer.Error(LaneKind::kFree, 6, 5, "AREA_NOT_LIVE", "pointers: 0x40 is no area"));

  LaneAnswerReader reader(writer.message());
  LaneAnswer answer;
  std::vector<std::uint64_t> ids;
  while (reader.Next(answer) == LaneNext::kRecord) {
    ids.push_back(answer.id);
    if (answer.kind == LaneKind::kAlloc) {
      LanePointersView view;
      ASSERT_TRUE(view.Parse(answer.body));
      EXPECT_EQ(view.pointer(1), 8192U);
    } else if (answer.code != 0) {
      LaneErrorView view;
      ASSERT_TRUE(view.Parse(answer.body));
      EXPECT_EQ(view.reason(), "AREA_NOT_LIVE");
      EXPECT_EQ(view.text(), "pointers: 0x40 is no area");
    }
  }
  EXPECT_EQ(reader.Next(answer), LaneNext::kEnd);
  EXPECT_THAT(ids, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(LaneCodecTest, AMessageCutAnywhereButBetweenRecordsIsMalformed) {
  const std::vector<std::byte> message = OneOfEach();
  std::size_t whole = 0;
  for (std::size_t bytes = 0; bytes < message.size(); ++bytes) {
    if (LaneCountRequests(LaneBytes(message).first(bytes)) > 0) ++whole;
  }
  EXPECT_EQ(whole, 4U);
}

TEST(LaneCodecTest, NoByteOfPaddingOrOfReservedFieldsIsFree) {
  // The tag and the name end off a multiple of eight: padding follows.
  Message memory;
  LaneRequestWriter writer(memory);
  const std::array<std::uint64_t, 1> sizes{8};
  ASSERT_TRUE(writer.Alloc(1, 0, {.sizes = sizes, .alignments = {}, .tag = "abc"}));
  std::vector<std::byte> message = Copy(writer.message());
  const std::size_t padding = message.size() - 1;
  const std::size_t reserved = sizeof(LaneRequestHeader) + offsetof(LaneAlloc, reserved);
  for (const std::size_t at : {padding, reserved, offsetof(LaneRequestHeader, reserved)}) {
    message[at] = std::byte{1};
    EXPECT_EQ(LaneCountRequests(message), 0U) << at;
    message[at] = std::byte{0};
  }
  EXPECT_EQ(LaneCountRequests(message), 1U);
}

TEST(LaneCodecTest, EveryChangedByteIsReadWithinTheMessage) {
  const std::vector<std::byte> good = OneOfEach();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
      std::vector<std::byte> message = good;
      message[at] = static_cast<std::byte>(value);
      // On the heap, and no longer than it is: a sanitizer sees a step beyond.
      if (LaneCountRequests(message) == 0) ++refused;
    }
  }
  EXPECT_GT(refused, good.size());
}

TEST(LaneCodecTest, OnlyAllocAndFreeAreNumbered) {
  for (const std::size_t which : {0U, 3U, 4U}) {
    std::vector<std::byte> message = OneOfEach();
    const std::vector<LaneRequest> requests = Requests(message);
    const std::size_t body = requests[which].body.data() - message.data();
    message[body - sizeof(LaneRequestHeader) + offsetof(LaneRequestHeader, number)] = std::byte{1};
    EXPECT_EQ(LaneCountRequests(message), 0U) << which;
  }
}

TEST(LaneCodecTest, AKindWithoutANameIsARequest) {
  const LaneRequestHeader header{
      .bytes = sizeof(header) + 8, .kind = 31, .reserved = 0, .id = 9, .number = 4};
  std::vector<std::byte> message(header.bytes, std::byte{0xee});
  std::memcpy(message.data(), &header, sizeof(header));
  EXPECT_EQ(LaneCountRequests(message), 1U);
}

TEST(LaneCodecTest, AMessageHoldsSoManyRequestsAndNoMore) {
  Message memory;
  LaneRequestWriter writer(memory);
  for (std::uint32_t i = 0; i < kLaneMessageRequests; ++i) ASSERT_TRUE(writer.Ping(i));
  EXPECT_FALSE(writer.Ping(0));
  EXPECT_EQ(LaneCountRequests(writer.message()), kLaneMessageRequests);
  std::vector<std::byte> longer = Copy(writer.message());
  longer.insert(longer.end(), longer.begin(), longer.begin() + sizeof(LaneRequestHeader));
  EXPECT_EQ(LaneCountRequests(longer), 0U);
}

TEST(LaneCodecTest, TheLargestAllocAndItsAnswerFitAndALargerOneIsRefused) {
  Message memory;
  LaneRequestWriter requests(memory);
  std::vector<std::uint64_t> sizes(
      (kLaneMessageBytes - sizeof(LaneRequestHeader) - sizeof(LaneAlloc)) / sizeof(std::uint64_t));
  ASSERT_TRUE(requests.Alloc(1, 1, {.sizes = sizes, .alignments = {}, .tag = {}}));
  const std::vector<LaneRequest> read = Requests(requests.message());
  ASSERT_EQ(read.size(), 1U);
  EXPECT_LE(LaneAnswerRoom(read.front()), kLaneMessageBytes);
  Message answer;
  EXPECT_TRUE(LaneAnswerWriter(answer).Alloc(1, sizes));

  sizes.push_back(8);
  requests.Clear();
  EXPECT_FALSE(requests.Alloc(1, 1, {.sizes = sizes, .alignments = {}, .tag = {}}));
  EXPECT_EQ(requests.message().size(), 0U);
}

TEST(LaneCodecTest, ALongTextIsCutBetweenCharacters) {
  std::string text(kLaneTextBytes - 1, 'x');
  text += "\u00e9";
  Message memory;
  LaneAnswerWriter writer(memory);
  ASSERT_TRUE(writer.Error(LaneKind::kPing, 1, 3, std::string(200, 'R'), text));
  LaneAnswerReader reader(writer.message());
  LaneAnswer answer;
  ASSERT_EQ(reader.Next(answer), LaneNext::kRecord);
  LaneErrorView view;
  ASSERT_TRUE(view.Parse(answer.body));
  EXPECT_EQ(view.reason().size(), kLaneReasonBytes);
  EXPECT_EQ(view.text(), text.substr(0, kLaneTextBytes - 1));
}

TEST(LaneCodecTest, TheErrorsOfAWholeMessageFitIntoOne) {
  Message memory;
  LaneAnswerWriter writer(memory);
  const std::string text(1000, 'x');
  for (std::uint32_t i = 0; i < kLaneMessageRequests; ++i) {
    ASSERT_TRUE(writer.Error(LaneKind::kPing, i, 3, text, text)) << i;
  }
}

}  // namespace
}  // namespace percpud::abi::v1
