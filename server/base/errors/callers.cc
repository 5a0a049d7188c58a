// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include <limits>
#include "absl/strings/escaping.h"
#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status RoleTooLow(absl::string_view rpc, absl::string_view needed, absl::string_view role) {
  return Refuse(Code::kPermissionDenied, Reason::kRoleTooLow, rpc, ": needs the role ", needed,
                "; the caller is ", role);
}

absl::Status TokenUnknown() {
  return Refuse(Code::kUnauthenticated, Reason::kTokenUnknown,
                "token: stands for no session (it ended, or never was)");
}

absl::Status NoCall() {
  return Refuse(Code::kInvalidArgument, Reason::kNoCall, "call: none is set, or one unknown here");
}

absl::Status NeedsSession(absl::string_view rpc) {
  return Refuse(Code::kFailedPrecondition, Reason::kNeedsSession, rpc,
                ": needs a session, and the call has none");
}

absl::Status SessionEnded(std::uint64_t session) {
  return Refuse(Code::kUnauthenticated, Reason::kSessionEnded, "session: ", session, " has ended");
}

absl::Status NotYourSession(std::uint64_t session) {
  return Refuse(Code::kPermissionDenied, Reason::kNotYourSession, "session: ", session,
                " is another's; an operator may end it");
}

absl::Status SessionNotFound(std::uint64_t session) {
  return Refuse(Code::kNotFound, Reason::kSessionNotFound, "session: there is no session ",
                session);
}

absl::Status NotOwner(PercpuPtr ptr, std::uint64_t owner) {
  return Refuse(Code::kPermissionDenied, Reason::kNotOwner, "pointer: the area at ", Format(ptr),
                " is session ", owner, "'s");
}

absl::Status OwnedByNobody(PercpuPtr ptr) {
  return Refuse(Code::kPermissionDenied, Reason::kOwnedByNobody, "pointer: the area at ",
                Format(ptr), " is no session's; an operator may free it");
}

absl::Status OwnedByMaker(PercpuPtr ptr, absl::string_view maker) {
  return Refuse(Code::kPermissionDenied, Reason::kOwnedByMaker, "pointer: the area at ",
                Format(ptr), " belongs to ", maker, ", who made it without a session");
}

absl::Status AreaIsQuarantined(PercpuPtr ptr) {
  return Refuse(Code::kFailedPrecondition, Reason::kAreaIsQuarantined, "pointer: the area at ",
                Format(ptr),
                " is in quarantine: a variable was removed there, and sessions that opened it "
                "have not ended");
}

absl::Status HandOverNotAccepted(std::uint64_t session) {
  return Refuse(Code::kPermissionDenied, Reason::kHandOverNotAccepted, "session: ", session,
                " is another user's and has not accepted areas of the caller's session");
}

absl::Status NeedsUser(absl::string_view what) {
  return Refuse(Code::kPermissionDenied, Reason::kNeedsUser, "name: ", what,
                " outlives its session, so it needs a user to belong to; the caller has none that "
                "the kernel vouches for");
}

absl::Status NotMaker(absl::string_view variable, std::uint32_t maker) {
  // The kernel's own "no such user": it was made by a caller without a uid.
  if (maker == std::numeric_limits<std::uint32_t>::max()) {
    return Refuse(Code::kPermissionDenied, Reason::kNotMaker, "name: ", variable,
                  " was made by a caller unknown to the kernel; an operator may remove it");
  }
  return Refuse(Code::kPermissionDenied, Reason::kNotMaker, "name: ", variable, " was made by uid ",
                maker, ", who may remove it");
}

absl::Status BadName(absl::string_view name, std::uint64_t limit) {
  return Refuse(Code::kInvalidArgument, Reason::kBadName, "name: \"",
                absl::CHexEscape(name.substr(0, 64)), "\" is not 1..", limit,
                " letters, digits and ._-/:");
}

absl::Status AreaIsVariable(PercpuPtr ptr, absl::string_view name) {
  return Refuse(Code::kFailedPrecondition, Reason::kAreaIsVariable, "pointer: the area at ",
                Format(ptr), " is the variable ", name, "; remove it by its name");
}

absl::Status VariableExists(absl::string_view name) {
  return Refuse(Code::kAlreadyExists, Reason::kVariableExists, "name: there is a variable ", name);
}

absl::Status TooManyVariables(std::uint64_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyVariables, "name: there are ", limit,
                " variables, the limit");
}

absl::Status VariableNotFound(absl::string_view name) {
  return Refuse(Code::kNotFound, Reason::kVariableNotFound, "name: there is no variable ",
                absl::CHexEscape(name.substr(0, 128)));
}

absl::Status VariableIsOpen(absl::string_view name, std::uint64_t sessions) {
  return Refuse(Code::kFailedPrecondition, Reason::kVariableIsOpen, "name: ", name, " is open in ",
                sessions, sessions == 1 ? " session" : " sessions",
                ", which may write to it until it ends; with force it is removed, and its memory "
                "is granted again when they have ended");
}

absl::Status VariableDiffers(absl::string_view name, absl::string_view type, Bytes size,
                             absl::string_view wanted_type, Bytes wanted_size) {
  return Refuse(Code::kFailedPrecondition, Reason::kVariableDiffers, "name: ", name, " is a ", type,
                " of ", size.value(), " bytes, not a ", wanted_type, " of ", wanted_size.value());
}

absl::Status SizeUnfitForType(absl::string_view type, Bytes size, bool is_row) {
  return Refuse(Code::kInvalidArgument, Reason::kSizeUnfitForType, "size: a ", type, " has ",
                is_row ? "a multiple of 8" : "8", " bytes, not ", size.value());
}

absl::Status AlignmentUnfitForType(absl::string_view type, Bytes alignment) {
  return Refuse(Code::kInvalidArgument, Reason::kAlignmentUnfitForType, "alignment: a ", type,
                " is updated 8 bytes at a time: 8 or more, not ", alignment.value());
}

absl::Status QuotaExceeded(absl::string_view holder, absl::string_view quota, std::uint64_t use,
                           std::uint64_t request, std::uint64_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kQuotaExceeded, "quota: ", holder, " uses ", use,
                " of ", limit, " ", quota, " and asks for ", request, " more");
}

absl::Status TooManyHandshakes(std::uint64_t silent) {
  return Refuse(Code::kUnavailable, Reason::kTooManyHandshakes, "door: ", silent,
                " connections have not said hello, and this one had been silent longest");
}

absl::Status DoorShort(int error_number) {
  return Refuse(Code::kUnavailable, Reason::kDoorShort,
                "door: the daemon is short of something just now: ", ErrnoText(error_number));
}

absl::Status HandoffVersion(std::uint32_t version, std::uint32_t spoken) {
  return Refuse(Code::kFailedPrecondition, Reason::kHandoffVersion,
                "door: the client speaks version ", version, ", this daemon ", spoken);
}

absl::Status LaneMalformed() {
  return Refuse(Code::kInvalidArgument, Reason::kLaneMalformed,
                "lane: the message is malformed; nothing of it was served");
}

absl::Status LaneKindUnknown(std::uint32_t kind) {
  return Refuse(Code::kUnimplemented, Reason::kLaneKindUnknown, "kind: ", kind,
                " is no request that this daemon knows");
}

absl::Status TooManySessions(absl::string_view holder, std::uint64_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManySessions, "quota: ", holder, " has ",
                limit, " sessions, the limit");
}

absl::Status TooManyRemoteSessions(absl::string_view opener, std::uint64_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kTooManyRemoteSessions,
                "quotas.remote_sessions_per_opener: ", opener, " has ", limit,
                " remote sessions, the limit");
}

absl::Status NotExported(absl::string_view field, absl::string_view what) {
  return Refuse(Code::kPermissionDenied, Reason::kNotExported, field, ": no entry names ",
                absl::CHexEscape(what.substr(0, 512)),
                ", which therefore stays on its host; callers by TLS read what entries name");
}

}  // namespace percpud::errors
