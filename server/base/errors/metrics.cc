// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/strings/escaping.h"
#include "server/base/errors.h"
#include "server/base/errors/refuse.h"

namespace percpud::errors {
namespace {

// What a client sent, fit to be read: it may hold any byte, and be of any length.
std::string Shown(absl::string_view text) { return absl::CHexEscape(text.substr(0, 64)); }

}  // namespace

absl::Status BadNamespace(absl::string_view name, std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kBadNamespace, "namespace: \"", Shown(name),
                "\" is not 1..", limit, " bytes of UTF-8 without control characters");
}

absl::Status BadFamilyName(absl::string_view name, std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kBadFamilyName, "name: \"", Shown(name),
                "\" is not 1..", limit, " letters, digits, _ and :, the first of them no digit");
}

absl::Status FamilyNameReserved(absl::string_view name) {
  return Refuse(Code::kInvalidArgument, Reason::kFamilyNameReserved, "name: ", Shown(name),
                " is kept for the daemon's own metrics; no name begins with percpud_ or process_");
}

absl::Status FamilyNameTaken(absl::string_view name, absl::string_view sample,
                             absl::string_view by) {
  return Refuse(Code::kFailedPrecondition, Reason::kFamilyNameTaken, "name: ", Shown(name),
                " would show ", Shown(sample), ", which is family ", Shown(by), "'s");
}

absl::Status BadLabelName(absl::string_view family, absl::string_view label,
                          absl::string_view why) {
  return Refuse(Code::kInvalidArgument, Reason::kBadLabelName, "labels: \"", Shown(label),
                "\" of family ", Shown(family), " ", why);
}

absl::Status TooManyLabels(absl::string_view family, std::uint64_t labels, std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kTooManyLabels, "labels: family ", Shown(family),
                " has ", labels, ", the limit is ", limit);
}

absl::Status LabelValuesMismatch(absl::string_view family, std::uint64_t values,
                                 std::uint64_t labels) {
  return Refuse(Code::kInvalidArgument, Reason::kLabelValuesMismatch, "values: ", values,
                " for the ", labels, " labels of family ", Shown(family));
}

absl::Status BadText(absl::string_view family, absl::string_view field, absl::string_view why) {
  return Refuse(Code::kInvalidArgument, Reason::kBadText, field, ": that of family ", Shown(family),
                " ", why);
}

absl::Status TextOverLimit(absl::string_view family, absl::string_view field, std::uint64_t bytes,
                           std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kTextOverLimit, field, ": ", bytes,
                " bytes in family ", Shown(family), ", the limit is ", limit);
}

absl::Status BadBounds(absl::string_view family, absl::string_view why) {
  return Refuse(Code::kInvalidArgument, Reason::kBadBounds, "bounds: those of family ",
                Shown(family), " ", why);
}

absl::Status CellsUnfitForFamily(absl::string_view family, absl::string_view why) {
  return Refuse(Code::kInvalidArgument, Reason::kCellsUnfitForFamily, "cells: those of family ",
                Shown(family), " ", why);
}

absl::Status FamilyDiffers(absl::string_view family, absl::string_view shape,
                           absl::string_view wanted) {
  return Refuse(Code::kFailedPrecondition, Reason::kFamilyDiffers, "name: ", Shown(family),
                " is a ", shape, ", not a ", wanted);
}

absl::Status NamespaceNotFound(absl::string_view name) {
  return Refuse(Code::kNotFound, Reason::kNamespaceNotFound, "namespace: there is no ",
                Shown(name));
}

absl::Status FamilyNotFound(absl::string_view name) {
  return Refuse(Code::kNotFound, Reason::kFamilyNotFound, "family: there is no ", Shown(name));
}

absl::Status SeriesNotFound(absl::string_view family) {
  return Refuse(Code::kNotFound, Reason::kSeriesNotFound, "values: family ", Shown(family),
                " has no series of these label values");
}

absl::Status WriterNotFound(std::uint64_t writer) {
  return Refuse(Code::kNotFound, Reason::kWriterNotFound, "writer: the session has no ", writer);
}

absl::Status WriterNeedsSession() {
  return Refuse(Code::kFailedPrecondition, Reason::kWriterNeedsSession,
                "cells: a writer's cell lasts as long as its session, and the caller has none");
}

absl::Status NotNamespaceOwner(absl::string_view name, absl::string_view owner) {
  return Refuse(Code::kPermissionDenied, Reason::kNotNamespaceOwner, "namespace: ", Shown(name),
                " is of ", owner, ", who may write to it, as operators may");
}

}  // namespace percpud::errors
