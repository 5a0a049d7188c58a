// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status CatalogInUse(absl::string_view path) {
  return Refuse(Code::kFailedPrecondition, Reason::kCatalogInUse, "catalog: ", path,
                " is kept by another daemon");
}

absl::Status ArenaInUse(absl::string_view path) {
  return Refuse(Code::kFailedPrecondition, Reason::kArenaInUse, "arena: ", path,
                " is used by another daemon");
}

absl::Status CatalogUnreadable(absl::string_view path, absl::string_view why) {
  return Refuse(Code::kUnavailable, Reason::kCatalogUnreadable, "catalog: ", path,
                " cannot be read: ", why);
}

absl::Status CatalogDamaged(absl::string_view path, absl::string_view why) {
  return Refuse(Code::kDataLoss, Reason::kCatalogDamaged, "catalog: ", path, " is damaged: ", why);
}

absl::Status CatalogFailed(absl::string_view operation, absl::string_view why) {
  return Refuse(Code::kInternal, Reason::kCatalogFailed, "catalog: ", operation, ": ", why);
}

absl::Status NotRestorable(absl::string_view what, absl::string_view why) {
  return Refuse(Code::kDataLoss, Reason::kNotRestorable, "catalog: ", what, " ", why);
}

absl::Status AnswerForgotten(std::uint64_t request) {
  return Refuse(Code::kAborted, Reason::kAnswerForgotten, "request_id: ", request,
                " is so old that its answer is forgotten");
}

absl::Status RequestDiffers() {
  return Refuse(Code::kInvalidArgument, Reason::kRequestDiffers,
                "request_id: was the number of another request before");
}

absl::Status RequestUnderWay(std::uint64_t request) {
  return Refuse(Code::kUnavailable, Reason::kRequestUnderWay, "request_id: ", request,
                " is being served; ask again for its answer");
}

absl::Status ResumeRefused(absl::string_view why) {
  return Refuse(Code::kNotFound, Reason::kResumeRefused,
                "door: the session cannot be resumed: ", why);
}

}  // namespace percpud::errors
