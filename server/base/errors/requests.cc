// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include "absl/strings/escaping.h"
#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status SizeIsZero() {
  return Refuse(Code::kInvalidArgument, Reason::kSizeIsZero, "sizes: 0 is not a size");
}

absl::Status SizeOverLimit(Bytes size, Bytes limit, absl::string_view whole) {
  return Refuse(Code::kInvalidArgument, Reason::kSizeOverLimit, "sizes: ", size.value(),
                " bytes is over the limit of ", limit.value(), " (", whole, ")");
}

absl::Status AlignmentNotPowerOfTwo(Bytes alignment) {
  return Refuse(Code::kInvalidArgument, Reason::kAlignmentNotPowerOfTwo,
                "alignments: ", alignment.value(), " is not a power of two");
}

absl::Status AlignmentOverLimit(Bytes alignment, Bytes limit) {
  return Refuse(Code::kInvalidArgument, Reason::kAlignmentOverLimit,
                "alignments: ", alignment.value(), " is over the limit of ", limit.value(),
                " (a page)");
}

absl::Status AlignmentOverSkew(Bytes alignment, Bytes skew) {
  return Refuse(
      Code::kInvalidArgument, Reason::kAlignmentOverSkew, "alignments: ", alignment.value(),
      " is over ", skew.value(),
      ", the unit_skew this daemon was started with: units begin at multiples of that only");
}

absl::Status BatchIsEmpty(absl::string_view field) {
  return Refuse(Code::kInvalidArgument, Reason::kBatchIsEmpty, field,
                ": at least one entry is needed");
}

absl::Status BatchOverLimit(absl::string_view field, std::uint64_t entries, std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kBatchOverLimit, field, ": ", entries,
                " entries is over the limit of ", limit);
}

absl::Status AlignmentCountMismatch(std::uint64_t alignments, std::uint64_t sizes) {
  return Refuse(Code::kInvalidArgument, Reason::kAlignmentCountMismatch, "alignments: ", alignments,
                " entries for ", sizes, " sizes; give none, one, or one per size");
}

absl::Status TagOverLimit(std::uint64_t length, std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kTagOverLimit, "tag: ", length,
                " bytes is over the limit of ", limit);
}

absl::Status TagNotText() {
  return Refuse(Code::kInvalidArgument, Reason::kTagNotText, "tag: holds a control character");
}

absl::Status TooManyTags(std::uint64_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyTags, "tag: ", limit,
                " different tags are in use, the limit");
}

absl::Status UnknownEnum(absl::string_view field, int value) {
  return Refuse(Code::kInvalidArgument, Reason::kUnknownEnum, field, ": ", value,
                " is no known value");
}

absl::Status FieldOutOfRange(absl::string_view field, std::int64_t value, std::int64_t low,
                             std::int64_t high) {
  return Refuse(Code::kInvalidArgument, Reason::kFieldOutOfRange, field, ": ", value, " is not in ",
                low, "..", high);
}

absl::Status BadPageToken(absl::string_view token) {
  return Refuse(Code::kInvalidArgument, Reason::kBadPageToken, "page_token: \"",
                absl::CHexEscape(token.substr(0, 64)), "\" was not given by this method");
}

absl::Status TransferOverLimit(Bytes length, Bytes limit) {
  return Refuse(Code::kInvalidArgument, Reason::kTransferOverLimit, "length: ", length.value(),
                " bytes is over the limit of ", limit.value());
}

absl::Status ChannelzNotFound() {
  return Refuse(Code::kNotFound, Reason::kChannelzNotFound, "channelz: there is no such entity");
}

absl::Status ServiceUnknown(absl::string_view service) {
  return Refuse(Code::kNotFound, Reason::kServiceUnknown, "service: there is no service ",
                absl::CHexEscape(service.substr(0, 128)));
}

absl::Status TooManyCalls(std::uint32_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyCalls, "calls: the caller has ", limit,
                " under way, the limit for one peer");
}

absl::Status TooManyStreams(std::uint32_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyStreams, "watch: the caller has ", limit,
                " streams open, the limit for one peer");
}

absl::Status TooManyUnread(Bytes limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyUnread,
                "answers: the caller, or all callers together, leave answers unread: one peer may "
                "leave ",
                Format(limit), ", and this call found no place in time");
}

absl::Status TooManyWatchers(std::uint32_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyWatchers, "watch: ", limit,
                " streams are open, the limit");
}

}  // namespace percpud::errors
