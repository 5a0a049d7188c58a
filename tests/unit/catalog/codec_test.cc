// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/codec.h"

#include <gtest/gtest.h>

#include <string>

namespace percpud::catalog {
namespace {

struct Encoded {
  std::string key;
  std::string value;
};

template <typename Record>
Encoded Make(std::string key, const Record& record) {
  Encoded out{.key = std::move(key), .value = {}};
  Encode(record, out.value);
  Seal(out.key, out.value.data(), out.value.size());
  return out;
}

std::string Key(std::uint64_t id) {
  std::string out;
  EncodeKey(id, out);
  return out;
}

TEST(CodecTest, WhatIsEncodedIsDecoded) {
  const Encoded area = Make(Key(0x40), Area{.pointer = PercpuPtr(0x40),
                                            .size = Granules(16),
                                            .alignment = 3,
                                            .owner = SessionId(9),
                                            .tag = "web"});
  const auto back = Decode<Area>(area.key, area.value);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->pointer, PercpuPtr(0x40));
  EXPECT_EQ(back->size, Granules(16));
  EXPECT_EQ(back->alignment, 3);
  EXPECT_EQ(back->owner, SessionId(9));
  EXPECT_EQ(back->tag, "web");

  Session session{.id = SessionId(4),
                  .kind = 2,
                  .role = 1,
                  .has_peer = true,
                  .pid = ProcessId(77),
                  .uid = UserId(1000),
                  .gid = UserGroupId(100),
                  .started = 12345,
                  .opened_ns = 5,
                  .ttl_ns = 6,
                  .command = "shard"};
  session.token[3] = 0xab;
  const Encoded encoded = Make(Key(4), session);
  const auto decoded = Decode<Session>(encoded.key, encoded.value);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->token, session.token);
  EXPECT_EQ(decoded->pid, session.pid);
  EXPECT_EQ(decoded->started, session.started);
  EXPECT_EQ(decoded->ttl_ns, session.ttl_ns);
  EXPECT_EQ(decoded->command, session.command);

  const Encoded lease = Make(Key(3), Lease{.chunk = ChunkId(3),
                                           .map_base = Bytes(8192),
                                           .holder = SessionId(4),
                                           .maker = UserId(5),
                                           .name = "cache"});
  EXPECT_EQ(Decode<Lease>(lease.key, lease.value)->name, "cache");

  const Answer answer{
      .session = SessionId(1), .request = RequestId(2), .order = 3, .words = {10, 20, 30}};
  std::string key;
  EncodeKey(answer.session, answer.request, key);
  const Encoded kept = Make(key, answer);
  const auto told = Decode<Answer>(kept.key, kept.value);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->request, RequestId(2));
  EXPECT_EQ(told->words, answer.words);
}

// A record under another's key is damaged too.
TEST(CodecTest, EveryFlippedBitIsNoticed) {
  const Encoded good = Make(
      Key(0x40),
      Area{.pointer = PercpuPtr(0x40), .size = Granules(16), .owner = SessionId(9), .tag = "web"});
  for (std::size_t bit = 0; bit < good.value.size() * 8; ++bit) {
    std::string bad = good.value;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Decode<Area>(good.key, bad).has_value()) << "bit " << bit;
  }
  EXPECT_FALSE(Decode<Area>(Key(0x48), good.value).has_value());
}

TEST(CodecTest, EveryShorterValueIsNoticed) {
  const Encoded good = Make(Key(4), Session{.id = SessionId(4), .command = "shard"});
  for (std::size_t size = 0; size < good.value.size(); ++size) {
    EXPECT_FALSE(Decode<Session>(good.key, good.value.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(Decode<Session>("abc", good.value).has_value());
  EXPECT_FALSE(Decode<Answer>("abc", good.value).has_value());
}

}  // namespace
}  // namespace percpud::catalog
