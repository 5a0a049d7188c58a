// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/former_names.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace percpud {
namespace {

using ::testing::ElementsAre;

// Sets the field of that name, as a program does that was written for it.
void SetByName(google::protobuf::Message& message, const std::string& name, std::uint64_t value) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  ASSERT_NE(field, nullptr) << name;
  if (field->is_repeated()) {
    message.GetReflection()->AddUInt64(&message, field, value);
  } else {
    message.GetReflection()->SetUInt64(&message, field, value);
  }
}

TEST(FormerNamesTest, AreReadUntilTheNewNameIsSet) {
  v1::AllocRequest alloc;
  SetByName(alloc, "sizes", 8);
  EXPECT_THAT(SizesOf(alloc), ElementsAre(8));
  SetByName(alloc, "sizes_bytes", 16);
  EXPECT_THAT(SizesOf(alloc), ElementsAre(16));

  v1::ReadRequest read;
  SetByName(read, "length", 8);
  EXPECT_EQ(LengthOf(read), 8U);
  SetByName(read, "length_bytes", 16);
  EXPECT_EQ(LengthOf(read), 16U);

  v1::OpenVariableRequest open;
  SetByName(open, "size", 8);
  EXPECT_EQ(SizeOf(open), 8U);
  SetByName(open, "size_bytes", 16);
  EXPECT_EQ(SizeOf(open), 16U);
}

}  // namespace
}  // namespace percpud
