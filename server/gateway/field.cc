// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/field.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

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

}  // namespace

Fields TrailersOf(const absl::Status& status) {
  return {{"grpc-status", absl::StrCat(static_cast<int>(status.code()))},
          {"grpc-message", PercentEncode(status.message())}};
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
