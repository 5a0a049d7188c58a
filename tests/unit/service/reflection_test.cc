// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/reflection.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "percpud/v1/session.pb.h"

namespace percpud {
namespace {

using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;
using ::testing::ElementsAre;

// Has the files that are asked for linked into the test.
const google::protobuf::Descriptor* const kLinked = v1::OpenSessionRequest::descriptor();

ServerReflectionResponse Ask(const ServerReflectionRequest& request) {
  EXPECT_NE(kLinked, nullptr);
  ServerReflectionResponse response;
  Reflect({"a.Service", "b.Service"}, request, response);
  EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
  return response;
}

std::vector<std::string> FileNames(const ServerReflectionResponse& response) {
  std::vector<std::string> out;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    out.push_back(file.name());
  }
  return out;
}

TEST(ReflectionTest, ListsTheServicesOfTheServer) {
  ServerReflectionRequest request;
  request.set_list_services("*");
  const ServerReflectionResponse response = Ask(request);
  ASSERT_EQ(response.list_services_response().service_size(), 2);
  EXPECT_EQ(response.list_services_response().service(0).name(), "a.Service");
}

// A client builds its descriptors in the order of the answer: imports come first.
TEST(ReflectionTest, AFileComesBehindWhatItImports) {
  ServerReflectionRequest request;
  request.set_file_containing_symbol("percpud.v1.SessionService.OpenSession");
  const auto by_symbol = FileNames(Ask(request));
  EXPECT_THAT(by_symbol, ElementsAre("google/protobuf/duration.proto", "percpud/v1/memory.proto",
                                     "percpud/v1/session.proto"));
  request.set_file_by_filename("percpud/v1/session.proto");
  EXPECT_EQ(FileNames(Ask(request)), by_symbol);
}

TEST(ReflectionTest, WhatIsNotThereIsSaidToBeSo) {
  std::vector<ServerReflectionRequest> requests(4);
  requests[0].set_file_containing_symbol("percpud.v1.Nothing");
  requests[1].set_file_by_filename("nothing.proto");
  requests[2].set_all_extension_numbers_of_type("percpud.v1.Nothing");
  requests[3].mutable_file_containing_extension()->set_containing_type("percpud.v1.PingRequest");
  for (const ServerReflectionRequest& request : requests) {
    EXPECT_EQ(Ask(request).error_response().error_code(), grpc::NOT_FOUND)
        << request.ShortDebugString();
  }
  EXPECT_EQ(Ask({}).error_response().error_code(), grpc::INVALID_ARGUMENT);
}

TEST(ReflectionTest, ATypeWithoutExtensionsHasNone) {
  ServerReflectionRequest request;
  request.set_all_extension_numbers_of_type("percpud.v1.PingRequest");
  const ServerReflectionResponse response = Ask(request);
  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(), "percpud.v1.PingRequest");
  EXPECT_EQ(response.all_extension_numbers_response().extension_number_size(), 0);
}

}  // namespace
}  // namespace percpud
