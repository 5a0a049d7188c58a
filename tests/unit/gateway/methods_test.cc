// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The gateway's table of methods beside the descriptors of what percpud serves, and beside
// percpud's own table of roles.

#include "server/gateway/methods.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/channelz/v1/channelz.pb.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "percpud/v1/introspection.pb.h"
#include "percpud/v1/memory.pb.h"
#include "percpud/v1/metrics.pb.h"
#include "percpud/v1/reading.pb.h"
#include "percpud/v1/session.pb.h"
#include "server/session/access/policy.h"

namespace percpud::gateway {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

std::vector<const MethodDescriptor*> Served() {
  const FileDescriptor* const files[] = {
      v1::PingRequest::descriptor()->file(),
      v1::OpenSessionRequest::descriptor()->file(),
      v1::OpenSeriesRequest::descriptor()->file(),
      v1::ReadFamilyRequest::descriptor()->file(),
      v1::GetStatsRequest::descriptor()->file(),
      grpc::health::v1::HealthCheckRequest::descriptor()->file(),
      grpc::channelz::v1::GetServersRequest::descriptor()->file(),
      grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file()};
  std::vector<const MethodDescriptor*> out;
  for (const FileDescriptor* const file : files) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        out.push_back(file->service(i)->method(j));
      }
    }
  }
  return out;
}

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

// The row of percpud's table: by the method's name, or by its service's.
const RpcPolicy* PolicyOf(const MethodDescriptor& method) {
  const std::string& service = method.service()->name();
  const std::string names[] = {method.name() == "Check" || method.name() == "Watch"
                                   ? absl::StrCat(service, ".", method.name())
                                   : method.name(),
                               method.name(), absl::StrCat(service)};
  const auto rows = RpcPolicies();
  for (const std::string& name : names) {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&](const RpcPolicy& row) { return row.name == name; });
    if (found != rows.end()) return &*found;
  }
  if (service == "ReadingService") return &percpud::PolicyOf(Rpc::kReadSeries);
  const bool looks = absl::StartsWith(service, "Introspection") || method.name() == "ListWorkers" ||
                     method.name() == "GetCallStats";
  return looks ? &percpud::PolicyOf(Rpc::kIntrospect) : nullptr;
}

TEST(MethodsTest, EveryMethodOfEveryServiceIsThereAndNoOther) {
  std::size_t count = 0;
  for (const MethodDescriptor* const method : Served()) {
    const Method* const row = FindMethod(PathOf(*method));
    ASSERT_NE(row, nullptr) << PathOf(*method);
    EXPECT_EQ(row->streams_requests, method->client_streaming()) << row->path;
    EXPECT_EQ(row->name(), method->name());
    ++count;
  }
  EXPECT_EQ(Methods().size(), count);
}

TEST(MethodsTest, TheRolesArePercpuds) {
  for (const MethodDescriptor* const method : Served()) {
    const RpcPolicy* const policy = PolicyOf(*method);
    ASSERT_NE(policy, nullptr) << PathOf(*method);
    EXPECT_EQ(Name(FindMethod(PathOf(*method))->least), percpud::Name(policy->least))
        << PathOf(*method);
  }
}

}  // namespace
}  // namespace percpud::gateway
