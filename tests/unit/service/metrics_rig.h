// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SERVICE_METRICS_RIG_H_
#define PERCPUD_TESTS_UNIT_SERVICE_METRICS_RIG_H_

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "percpud/v1/metrics.grpc.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/unit/service/rpc_rig.h"
#include "tests/unit/service/service_rig.h"

namespace percpud::testing {

// Gives a call a deadline and, if it is not null, a session's token.
inline void Prepare(grpc::ClientContext& context, const Token* token) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  if (token != nullptr) context.AddMetadata(abi::v1::kTokenKey, {token->begin(), token->end()});
}

// MetricsService behind one connection, whose client may do anything in the namespace `shop`.
class MetricsServiceRig : public ServiceTest {
 protected:
  using Stub = v1::MetricsService::Stub;

  void SetUp() override {
    ServiceTest::SetUp();
    auto server =
        RpcServer::Start(*allocator_, *sessions_, *updater_, *callers_, {.limits = kLimits});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::MetricsService::NewStub(ChannelTo(*server_));
  }

  // Calls as the session of `token_`, or as nobody's.
  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response* response) {
    grpc::ClientContext context;
    Prepare(context, token_);
    return (stub_.get()->*method)(&context, request, response);
  }

  v1::OpenSeriesResponse Open(const v1::FamilySeries& family, const std::string& writer = "",
                              bool slot = false) {
    v1::OpenSeriesRequest request;
    request.set_namespace_("shop");
    request.set_writer(writer);
    request.set_slot(slot);
    *request.add_families() = family;
    v1::OpenSeriesResponse response;
    const grpc::Status status = Call(&Stub::OpenSeries, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::vector<v1::Series> ReadAll(std::int32_t page_size = 0, std::string prefix = "") {
    std::vector<v1::Series> out;
    v1::ReadSeriesRequest request;
    request.set_namespace_("shop");
    request.set_page_size(page_size);
    request.set_family_prefix(std::move(prefix));
    while (true) {
      v1::ReadSeriesResponse response;
      const grpc::Status status = Call(&Stub::ReadSeries, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      out.insert(out.end(), response.series().begin(), response.series().end());
      if (response.next_page_token().empty()) return out;
      request.set_page_token(response.next_page_token());
    }
  }

  // Null: in nobody's name.
  const Token* token_ = nullptr;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SERVICE_METRICS_RIG_H_
