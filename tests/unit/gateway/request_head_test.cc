// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/percpud/abi/v1/wire.h"
#include "server/base/limits.h"

namespace percpud::gateway {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Peer kViewer{.on_behalf = "plain:127.0.0.1", .most = Role::kViewer};

RequestHead Good(absl::string_view path = "/percpud.v1.MemoryService/Ping") {
  RequestHead out;
  out.Add(":method", "POST");
  out.Add(":scheme", "http");
  out.Add(":path", path);
  out.Add("te", "trailers");
  out.Add("content-type", "application/grpc");
  return out;
}

absl::string_view StatusOf(const RequestHead& head) {
  static Fields answer;
  answer = head.Refusal(kViewer);
  return Find(answer, "grpc-status");
}

TEST(RequestHeadTest, AnOrdinaryRequestGoesOnWithTheNameOfItsPeer) {
  const RequestHead head = Good();
  EXPECT_THAT(head.Refusal(kViewer), IsEmpty());
  const Fields forwarded = head.Forwarded(kViewer);
  EXPECT_EQ(Find(forwarded, ":method"), "POST");
  EXPECT_EQ(Find(forwarded, ":path"), "/percpud.v1.MemoryService/Ping");
  EXPECT_EQ(Find(forwarded, "te"), "trailers");
  EXPECT_EQ(Find(forwarded, "content-type"), "application/grpc");
  EXPECT_EQ(Find(forwarded, abi::v1::kOnBehalfKey), "plain:127.0.0.1");
}

TEST(RequestHeadTest, ATokenGoesWithTheIdentityThatItCameFrom) {
  const Peer peer{
      .on_behalf = "tls:dns:db7.example", .most = Role::kOperator, .may_have_session = true};
  const std::string good = "AAAAAAAAAAAAAAAAAAAAAA==";
  for (const std::string& token : {good, std::string("AAAAAAAAAAAAAAAAAAAA+/")}) {
    RequestHead head = Good("/percpud.v1.MemoryService/Alloc");
    head.Add(abi::v1::kTokenKey, token);
    ASSERT_THAT(head.Refusal(peer), IsEmpty());
    EXPECT_EQ(Find(head.Forwarded(peer), abi::v1::kTokenKey), token);
  }
  for (const std::string& wrong : {good + "=", good.substr(0, 20), std::string(24, ' ')}) {
    RequestHead head = Good();
    head.Add(abi::v1::kTokenKey, wrong);
    EXPECT_EQ(Find(head.Forwarded(peer), abi::v1::kTokenKey), "");
  }
}

TEST(RequestHeadTest, NobodySpeaksForAnother) {
  RequestHead head = Good();
  head.Add(abi::v1::kOnBehalfKey, "plain:10.0.0.1");
  head.Add(abi::v1::kTokenKey, "AAAAAAAAAAAAAAAAAAAAAA==");
  head.Add("x-anything", "at all");
  ASSERT_THAT(head.Refusal(kViewer), IsEmpty());
  const Fields forwarded = head.Forwarded(kViewer);
  EXPECT_THAT(forwarded, Contains(Field{abi::v1::kOnBehalfKey, "plain:127.0.0.1"}).Times(1));
  EXPECT_THAT(forwarded, Not(Contains(Field{abi::v1::kOnBehalfKey, "plain:10.0.0.1"})));
  EXPECT_EQ(Find(forwarded, abi::v1::kTokenKey), "");
  EXPECT_EQ(Find(forwarded, "x-anything"), "");
}

TEST(RequestHeadTest, OnlyAWellFormedDeadlineIsPassedOn) {
  for (const char* const timeout : {"1S", "20000000u", "99999999n", "5m", "1H", "3M"}) {
    RequestHead head = Good();
    head.Add("grpc-timeout", timeout);
    EXPECT_EQ(Find(head.Forwarded(kViewer), "grpc-timeout"), timeout);
  }
  for (const char* const timeout : {"", "S", "1", "-1S", "1s", "123456789S", "1 S", "0x1S"}) {
    RequestHead head = Good();
    head.Add("grpc-timeout", timeout);
    EXPECT_EQ(Find(head.Forwarded(kViewer), "grpc-timeout"), "") << timeout;
  }
}

TEST(RequestHeadTest, WhatIsNoGrpcIsAnsweredInHttp) {
  RequestHead get;
  get.Add(":method", "GET");
  get.Add(":path", "/percpud.v1.MemoryService/Ping");
  EXPECT_EQ(Find(get.Refusal(kViewer), ":status"), "405");
  for (const char* const type : {"", "text/plain", "application/grpcfoo", "application/json"}) {
    RequestHead head;
    head.Add(":method", "POST");
    head.Add(":path", "/percpud.v1.MemoryService/Ping");
    head.Add("content-type", type);
    EXPECT_EQ(Find(head.Refusal(kViewer), ":status"), "415") << type;
  }
  for (const char* const type : {"application/grpc+proto", "application/grpc;charset=utf-8"}) {
    RequestHead head;
    head.Add(":method", "POST");
    head.Add(":path", "/percpud.v1.MemoryService/Ping");
    head.Add("content-type", type);
    EXPECT_THAT(head.Refusal(kViewer), IsEmpty()) << type;
  }
}

TEST(RequestHeadTest, WhatNobodyServesIsUnimplemented) {
  for (const char* const path :
       {"", "/", "*", "/percpud.v1.MemoryService/Explode", "/percpud.v1.MemoryService/Ping/",
        "percpud.v1.MemoryService/Ping", "/percpud.v1.MemoryService/ping"}) {
    EXPECT_EQ(StatusOf(Good(path)), "12") << path;
  }
}

TEST(RequestHeadTest, NobodyIsMoreThanTheListenerAllows) {
  const Fields answer = Good("/percpud.v1.MemoryService/Alloc").Refusal(kViewer);
  EXPECT_EQ(Find(answer, "grpc-status"), "7");
  EXPECT_THAT(std::string(Find(answer, "grpc-message")), HasSubstr("needs the role client"));
  const Peer client{.on_behalf = "x", .most = Role::kClient};
  EXPECT_THAT(Good("/percpud.v1.MemoryService/Alloc").Refusal(client), IsEmpty());
  EXPECT_EQ(Find(Good("/percpud.v1.IntrospectionService/Check").Refusal(client), "grpc-status"),
            "7");
}

TEST(RequestHeadTest, CompressionIsRefusedUnread) {
  RequestHead gzip = Good();
  gzip.Add("grpc-encoding", "gzip");
  EXPECT_EQ(StatusOf(gzip), "12");
  RequestHead identity = Good();
  identity.Add("grpc-encoding", "identity");
  EXPECT_EQ(StatusOf(identity), "");
}

TEST(RequestHeadTest, AHeaderThatIsTooLargeIsRefused) {
  RequestHead head = Good();
  for (int i = 0; i < 100; ++i) head.Add("x-large", std::string(kMaxHeaders.value() / 50, 'x'));
  EXPECT_EQ(StatusOf(head), "8");
  // Empty fields cost as well.
  RequestHead many = Good();
  for (int i = 0; i < 1000; ++i) many.Add("a", "");
  EXPECT_EQ(StatusOf(many), "8");
}

}  // namespace
}  // namespace percpud::gateway
