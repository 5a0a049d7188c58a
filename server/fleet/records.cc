// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/records.h"

#include <google/protobuf/util/json_util.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace percpud::fleet {
namespace {

std::string Print(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.preserve_proto_field_names = true;
  std::string out;
  // Messages of ours hold nothing that JSON has no way to write.
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &out, options));
  return out;
}

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view json, const char* what) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  Message out;
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &out, options);
  if (status.ok()) return out;
  return absl::InvalidArgumentError(absl::StrCat(what, " is not readable: ", status.ToString()));
}

absl::Status CheckSize(absl::string_view json, const char* what) {
  if (json.size() <= kMostRecord) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", json.size(), " bytes, over the limit of ", kMostRecord));
}

}  // namespace

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp out;
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return out;
}

std::string ToJson(const google::protobuf::Message& message) { return Print(message, false); }

std::string ToPrettyJson(const google::protobuf::Message& message) { return Print(message, true); }

absl::StatusOr<v1::HostRecord> ParseRecord(absl::string_view json) {
  RETURN_IF_ERROR(CheckSize(json, "the host's record"));
  ASSIGN_OR_RETURN(v1::HostRecord out, Parse<v1::HostRecord>(json, "the host's record"));
  // Not a number is neither.
  if (out.weight() >= 0 && out.weight() <= kMostWeight) return out;
  return absl::InvalidArgumentError(
      absl::StrCat("the host's record: weight is ", out.weight(), ", not from 0 to ", kMostWeight));
}

absl::StatusOr<v1::DrainMark> ParseMark(absl::string_view json) {
  RETURN_IF_ERROR(CheckSize(json, "the drain mark"));
  return Parse<v1::DrainMark>(json, "the drain mark");
}

absl::StatusOr<v1::View> ParseView(absl::string_view json) {
  return Parse<v1::View>(json, "the view");
}

std::optional<Change> ToChange(const Keys& keys, const EtcdEvent& event) {
  std::optional<Keys::Place> place = keys.Parse(event.stored.key);
  if (!place) return std::nullopt;
  Change out{.name = std::move(place->name), .what = HostGone{}};
  if (place->kind == Keys::Kind::kHost) {
    if (event.is_delete) return out;
    absl::StatusOr<v1::HostRecord> record = ParseRecord(event.stored.value);
    if (!record.ok()) return std::nullopt;
    out.what = HostIs{.record = *std::move(record), .mod_revision = event.stored.mod_revision};
    return out;
  }
  out.what = NotDrained{};
  if (event.is_delete) return out;
  // A mark that cannot be read is a mark.
  absl::StatusOr<v1::DrainMark> mark = ParseMark(event.stored.value);
  out.what = Drained{.mark = mark.ok() ? *std::move(mark) : v1::DrainMark()};
  return out;
}

}  // namespace percpud::fleet
