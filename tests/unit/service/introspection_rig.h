// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SERVICE_INTROSPECTION_RIG_H_
#define PERCPUD_TESTS_UNIT_SERVICE_INTROSPECTION_RIG_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "absl/time/clock.h"
#include "tests/unit/service/rpc_rig.h"
#include "tests/unit/service/service_rig.h"

namespace percpud::testing {

// The server behind one connection, whose client may do anything.
class IntrospectionTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    auto server =
        RpcServer::Start(*allocator_, *sessions_, *updater_, *callers_, {.limits = kLimits});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = ChannelTo(*server_);
    stub_ = v1::IntrospectionService::NewStub(channel);
    health_stub_ = grpc::health::v1::Health::NewStub(channel);
  }

  // A unary call of the stub, with a deadline.
  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    return (stub_.get()->*method)(&context, request, response);
  }

  // All pages of a list, `size` entries at a time.
  template <typename Request, typename Response, typename Method, typename Add>
  int CollectPages(Method method, Request request, std::int32_t size, Add add) {
    request.set_page_size(size);
    for (int pages = 1;; ++pages) {
      Response response;
      const grpc::Status status = Call(method, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      add(response);
      if (response.next_page_token().empty() || pages == 100) return pages;
      request.set_page_token(response.next_page_token());
    }
  }

  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::IntrospectionService::Stub> stub_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_stub_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SERVICE_INTROSPECTION_RIG_H_
