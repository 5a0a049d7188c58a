// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/reflection.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace percpu::wire {
namespace {

using ::testing::ElementsAre;

// Gives every number of a message a value of its own, from 1 upwards by field.
template <typename Message>
Message Numbered() {
  Message message;
  const auto* reflection = message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->is_repeated()) continue;
    const auto number = static_cast<std::uint32_t>(field->number());
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_UINT64) {
      reflection->SetUInt64(&message, field, number);
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_UINT32) {
      reflection->SetUInt32(&message, field, number);
    }
  }
  return message;
}

TEST(ConvertTest, EveryCounterOfStatsIsItsOwn) {
  const auto wire = Numbered<v1::Stats>();
  const Stats stats = FromProto(wire);
  EXPECT_EQ(stats.nr_alloc, wire.nr_alloc());
  EXPECT_EQ(stats.nr_dealloc, wire.nr_dealloc());
  EXPECT_EQ(stats.chunks_created, wire.chunks_created());
  EXPECT_EQ(stats.chunks_destroyed, wire.chunks_destroyed());
  EXPECT_EQ(stats.zeroed_inline_bytes, wire.zeroed_inline_bytes());
  EXPECT_EQ(stats.zeroed_background_bytes, wire.zeroed_background_bytes());
  EXPECT_EQ(stats.blocks_depopulated, wire.blocks_depopulated());
}

TEST(ConvertTest, AChunkKeepsWhatIsSaidOfIt) {
  auto wire = Numbered<v1::Chunk>();
  wire.set_kind(v1::CHUNK_KIND_SIDELINED);
  const ChunkInfo chunk = FromProto(wire);
  EXPECT_EQ(chunk.id, ChunkId{wire.chunk_id()});
  EXPECT_EQ(chunk.kind, ChunkKind::kSidelined);
  EXPECT_EQ(chunk.free_bytes, wire.free_bytes());
  EXPECT_EQ(chunk.largest_run_bytes, wire.largest_run_bytes());
}

TEST(ConvertTest, WhatIsAbsentStaysAbsent) {
  EXPECT_FALSE(FromProto(v1::Unit()).cpu.has_value());
  EXPECT_FALSE(FromProto(v1::Session()).pid.has_value());
  EXPECT_FALSE(FromProto(v1::Lease()).session.has_value());
  v1::Unit unit;
  unit.set_cpu(0);
  EXPECT_EQ(FromProto(unit).cpu, 0U);
}

TEST(ConvertTest, AnEnumThatIsNotKnownIsSaidToBe) {
  v1::Session session;
  session.set_kind(static_cast<v1::SessionKind>(99));
  EXPECT_EQ(FromProto(session).kind, SessionKind::kUnknown);
  v1::ResolveResponse found;
  found.set_owner(static_cast<v1::Owner>(99));
  EXPECT_EQ(FromProto(found).kind, OwnerKind::kUnknown);
}

TEST(ConvertTest, VariableTypesGoThereAndBack) {
  for (const VariableType type : {VariableType::kBytes, VariableType::kCounter,
                                  VariableType::kGauge, VariableType::kHistogram}) {
    v1::Variable variable;
    variable.set_type(ToProto(type));
    EXPECT_EQ(FromProto(variable).type, type);
  }
}

TEST(ConvertTest, DurationsKeepTheirNanoseconds) {
  const absl::Duration duration = absl::Seconds(3723) + absl::Nanoseconds(5);
  EXPECT_EQ(FromProto(ToProto(duration)), duration);
  EXPECT_EQ(ToProto(absl::Milliseconds(1500)).nanos(), 500'000'000);
}

TEST(ConvertTest, ASlotListsItsChunks) {
  v1::Slot slot;
  slot.set_kind(v1::SLOT_KIND_FULL);
  slot.add_chunk_ids(3);
  slot.add_chunk_ids(9);
  EXPECT_EQ(FromProto(slot).kind, SlotKind::kFull);
  EXPECT_THAT(FromProto(slot).chunks, ElementsAre(ChunkId{3}, ChunkId{9}));
}

}  // namespace
}  // namespace percpu::wire
