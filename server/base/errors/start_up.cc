// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status BadConfig(absl::string_view field, absl::string_view why) {
  return Refuse(Code::kInvalidArgument, Reason::kBadConfig, field, ": ", why);
}

absl::Status KmNeedsOneGroup(std::uint32_t groups) {
  return Refuse(
      Code::kFailedPrecondition, Reason::kKmNeedsOneGroup,
      "backend: km takes one contiguous block per chunk and cannot serve more than one group; ",
      "this topology has ", groups, " (one per NUMA node)");
}

absl::Status OsRefused(absl::string_view operation, absl::string_view object, int error_number) {
  return WithReason(absl::ErrnoToStatus(error_number, absl::StrCat(operation, " ", object)),
                    Reason::kOsRefused);
}

absl::Status AddressInUse(absl::string_view address) {
  return Refuse(Code::kFailedPrecondition, Reason::kAddressInUse, "listen: ", address,
                " is served by another daemon");
}

absl::Status NoHugePages(Bytes page_size, std::uint64_t wanted) {
  return Refuse(Code::kFailedPrecondition, Reason::kNoHugePages,
                "page_size: the system has no free page of ", Format(page_size),
                "; `sysctl vm.nr_hugepages=", wanted, "` makes enough for arena_size");
}

absl::Status StoreRefused() {
  return Refuse(Code::kFailedPrecondition, Reason::kStoreRefused,
                "catalog: systemd would not keep the arena: the unit needs "
                "FileDescriptorStoreMax=");
}

absl::Status NoProc() {
  return Refuse(Code::kFailedPrecondition, Reason::kNoProc,
                "door: /proc is not mounted, and the side door hands memory out by it; mount it, "
                "or start with --door none");
}

absl::Status TooFewTasks(std::uint64_t needed, std::uint64_t found) {
  return Refuse(Code::kResourceExhausted, Reason::kTooFewTasks, "tasks: percpud needs ", needed,
                " threads, and the system gives it ", found,
                "; raise TasksMax= of the unit, pids.max or `ulimit -u`");
}

absl::Status NoAlarms() {
  return Refuse(Code::kResourceExhausted, Reason::kTooFewTasks,
                "tasks: gRPC was refused a thread while it started; raise TasksMax= of the unit, "
                "pids.max or `ulimit -u`");
}

absl::Status NoTransparentHugePages(absl::string_view why) {
  return Refuse(Code::kFailedPrecondition, Reason::kNoTransparentHugePages,
                "transparent_huge_pages: ", why);
}

absl::Status NoGateway(absl::string_view path, int error_number) {
  return Refuse(Code::kFailedPrecondition, Reason::kNoGateway,
                "listen: TCP is served by the program ", path,
                ", which cannot be run: ", std::strerror(error_number));
}

absl::Status BlockNotGranted(PageId page, Order order) {
  return Refuse(Code::kInternal, Reason::kBlockNotGranted, "arena: page ", page.value(),
                " heads no granted block of order ", int{order.value()});
}

}  // namespace percpud::errors
