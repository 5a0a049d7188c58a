// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/field.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/error_reason.h"

namespace percpud::gateway {
namespace {

// Encodes a text for grpc-message: what is not printable ASCII, and the percent sign, is
// written in hexadecimal.
std::string PercentEncode(absl::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character >= ' ' && character <= '~' && character != '%') {
      out += character;
    } else {
      absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(character));
    }
  }
  return out;
}

// A number as protobuf packs it.
std::string Varint(std::uint64_t value) {
  constexpr unsigned kBits = 7;
  constexpr std::uint64_t kMore = 1U << kBits;
  std::string out;
  for (; value >= kMore; value >>= kBits) out += static_cast<char>(value % kMore + kMore);
  out += static_cast<char>(value);
  return out;
}

// A field of a message: `number` is below 16.
std::string Packed(std::uint64_t number, absl::string_view bytes) {
  constexpr std::uint64_t kBytes = 2;
  return absl::StrCat(Varint(number * 8 + kBytes), Varint(bytes.size()), bytes);
}

// A StatusDetails of proto/percpud/v1/status.proto: the gateway has no protobuf.
std::string DetailsOf(const absl::Status& status, absl::string_view reason) {
  const std::string info = absl::StrCat(Packed(1, reason), Packed(2, abi::v1::kErrorDomain));
  const std::string any = absl::StrCat(Packed(1, abi::v1::kErrorInfoUrl), Packed(2, info));
  return absl::StrCat(Varint(8), Varint(static_cast<std::uint64_t>(status.code())),
                      Packed(2, status.message()), Packed(3, any));
}

// Without padding, as gRPC writes what is no text.
std::string Base64(absl::string_view bytes) {
  std::string out = absl::Base64Escape(bytes);
  out.erase(std::min(out.find('='), out.size()));
  return out;
}

}  // namespace

std::string EncodeEnds(absl::string_view value) {
  constexpr const char* kBlank = "%20";
  std::string out(value);
  if (!out.empty() && out.back() == ' ') out.replace(out.size() - 1, 1, kBlank);
  if (!out.empty() && out.front() == ' ') out.replace(0, 1, kBlank);
  return out;
}

Fields TrailersOf(const absl::Status& status) {
  Fields out{{"grpc-status", absl::StrCat(static_cast<int>(status.code()))},
             {"grpc-message", EncodeEnds(PercentEncode(status.message()))}};
  const absl::string_view reason = errors::ReasonOf(status);
  if (!reason.empty()) {
    out.push_back({"grpc-status-details-bin", Base64(DetailsOf(status, reason))});
  }
  return out;
}

Fields AnswerOf(const absl::Status& status) {
  Fields out{{":status", "200"}, {"content-type", "application/grpc"}};
  for (Field& field : TrailersOf(status)) out.push_back(std::move(field));
  return out;
}

absl::string_view Find(const Fields& fields, absl::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [name](const Field& field) { return field.name == name; });
  return found == fields.end() ? absl::string_view() : found->value;
}

}  // namespace percpud::gateway
