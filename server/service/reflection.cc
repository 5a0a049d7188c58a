// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace percpud {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1alpha::ExtensionNumberResponse;
using grpc::reflection::v1alpha::FileDescriptorResponse;
using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

// The file, behind all that it imports.
void AddFile(const FileDescriptor& file, std::set<std::string>& added,
             FileDescriptorResponse& response) {
  if (!added.insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, response);
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
}

void SetError(grpc::StatusCode code, const std::string& message,
              ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(message);
}

// `what` names what was looked for, if there is no such file.
void SetFile(const FileDescriptor* file, const char* what, ServerReflectionResponse& response) {
  if (file == nullptr) return SetError(grpc::NOT_FOUND, what, response);
  std::set<std::string> added;
  AddFile(*file, added, *response.mutable_file_descriptor_response());
}

const FileDescriptor* FileOfExtension(const std::string& type_name, int number) {
  const auto* type = Pool().FindMessageTypeByName(type_name);
  if (type == nullptr) return nullptr;
  const auto* extension = Pool().FindExtensionByNumber(type, number);
  return extension == nullptr ? nullptr : extension->file();
}

void SetExtensions(const std::string& type_name, ServerReflectionResponse& response) {
  const auto* type = Pool().FindMessageTypeByName(type_name);
  if (type == nullptr) return SetError(grpc::NOT_FOUND, "no such type", response);
  std::vector<const google::protobuf::FieldDescriptor*> extensions;
  Pool().FindAllExtensions(type, &extensions);
  ExtensionNumberResponse& out = *response.mutable_all_extension_numbers_response();
  out.set_base_type_name(type_name);
  for (const auto* extension : extensions) out.add_extension_number(extension->number());
}

}  // namespace

void Reflect(const std::vector<std::string>& services, const ServerReflectionRequest& request,
             ServerReflectionResponse& response) {
  response.Clear();
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      return SetFile(Pool().FindFileByName(request.file_by_filename()), "no such file", response);
    case ServerReflectionRequest::kFileContainingSymbol:
      return SetFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                     "no such symbol", response);
    case ServerReflectionRequest::kFileContainingExtension:
      return SetFile(FileOfExtension(request.file_containing_extension().containing_type(),
                                     request.file_containing_extension().extension_number()),
                     "no such extension", response);
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      return SetExtensions(request.all_extension_numbers_of_type(), response);
    case ServerReflectionRequest::kListServices:
      for (const std::string& service : services) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      return;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      return SetError(grpc::INVALID_ARGUMENT, "no request is set", response);
  }
}

}  // namespace percpud
