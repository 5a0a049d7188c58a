// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/host_page.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace percpud::fleet {
namespace {

using google::protobuf::internal::WireFormatLite;

absl::StatusOr<std::string> Join(const grpc::ByteBuffer& wire) {
  std::vector<grpc::Slice> slices;
  if (!wire.Dump(&slices).ok()) return absl::DataLossError("answer: cannot be read");
  std::string out;
  out.reserve(wire.Length());
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

// Goes over the fields of a message, and tells the bytes of each that has a length. False if these
// bytes are no message.
bool ForEachField(absl::string_view wire, absl::FunctionRef<void(absl::string_view)> on_field) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(wire.data()),
                                            static_cast<int>(wire.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    std::uint32_t length = 0;
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      on_field({});
      continue;
    }
    if (!in.ReadVarint32(&length)) return false;
    const auto begin = static_cast<std::size_t>(in.CurrentPosition());
    if (length > wire.size() - begin || !in.Skip(static_cast<int>(length))) return false;
    on_field(wire.substr(begin, length));
  }
  return in.ConsumedEntireMessage();
}

absl::Status CheckFields(absl::string_view wire) {
  std::size_t entries = 0;
  std::size_t fields = 0;
  const bool is_message = ForEachField(wire, [&](absl::string_view entry) {
    ++entries;
    // A text is no message, and has as many fields as it looks to have.
    if (entries <= kMostEntriesOfPage) ForEachField(entry, [&](absl::string_view) { ++fields; });
  });
  if (!is_message) return absl::DataLossError("answer: is no message");
  if (entries <= kMostEntriesOfPage && fields <= kMostFieldsOfPage) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("answer: a page has more than ",
                                                   kMostEntriesOfPage, " entries or ",
                                                   kMostFieldsOfPage, " fields"));
}

}  // namespace

absl::Status ReadPage(const grpc::ByteBuffer& wire, google::protobuf::Message& out) {
  const absl::StatusOr<std::string> bytes = Join(wire);
  if (!bytes.ok()) return bytes.status();
  if (absl::Status status = CheckFields(*bytes); !status.ok()) return status;
  if (out.ParseFromString(*bytes)) return absl::OkStatus();
  return absl::DataLossError("answer: is no message");
}

}  // namespace percpud::fleet
