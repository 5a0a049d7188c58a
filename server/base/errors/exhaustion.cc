// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status NoSpaceWithoutGrowing(Bytes size, Bytes alignment) {
  return Refuse(Code::kResourceExhausted, Reason::kNoSpaceWithoutGrowing,
                "no_grow: no populated free run of ", size.value(), " bytes aligned to ",
                alignment.value(), " in any chunk");
}

absl::Status NoReservedSpace(Bytes size, Bytes alignment) {
  return Refuse(Code::kResourceExhausted, Reason::kNoReservedSpace, "region: no free run of ",
                size.value(), " bytes aligned to ", alignment.value(),
                " in the reserved part, which never grows");
}

absl::Status NoReservedRegion() {
  return Refuse(Code::kFailedPrecondition, Reason::kNoReservedRegion,
                "region: this daemon has no reserved part (reserved_size is 0)");
}

absl::Status NoContiguousBlock(Order order, Pages free_pages) {
  return Refuse(Code::kResourceExhausted, Reason::kNoContiguousBlock,
                "arena: no free block of order ", int{order.value()}, " (",
                BlockPages(order).value(), " contiguous pages); ", free_pages.value(),
                " pages are free in smaller ones");
}

absl::Status ArenaFull(Bytes wanted, Bytes arena_size, Pages free_pages) {
  return Refuse(Code::kResourceExhausted, Reason::kArenaFull, "arena is full: ", Format(wanted),
                " more in one piece do not fit into its ", Format(arena_size), " (arena_size); ",
                free_pages.value(), " pages are free in smaller ones");
}

absl::Status BlockNotFree(PageId page, Order order) {
  return Refuse(Code::kResourceExhausted, Reason::kBlockNotFree, "arena: no free block of order ",
                int{order.value()}, " begins at page ", page.value());
}

absl::Status PopulateFailed(Bytes offset, Bytes length, int error_number) {
  return Refuse(Code::kResourceExhausted, Reason::kPopulateFailed,
                "arena: the system would not back ", length.value(), " bytes at offset ",
                offset.value(), ": ", ErrnoText(error_number));
}

absl::Status MetadataExhausted(absl::string_view what) {
  return Refuse(Code::kResourceExhausted, Reason::kMetadataExhausted, "daemon: out of memory for ",
                what);
}

absl::Status CatalogFull(absl::string_view path, Bytes size, absl::string_view why) {
  return Refuse(Code::kResourceExhausted, Reason::kCatalogFull, "catalog: ", path,
                " cannot grow beyond ", Format(size), ": ", why);
}

absl::Status FileSystemFull(absl::string_view directory, Bytes needed, Bytes free) {
  return Refuse(Code::kResourceExhausted, Reason::kFileSystemFull, "arena: the file system of ",
                directory, " has ", Format(free), " free, and the start needs ", Format(needed));
}

absl::Status OverMemoryLimit(absl::string_view what, Bytes needed, Bytes left, Bytes limit,
                             absl::string_view group) {
  return Refuse(Code::kResourceExhausted, Reason::kOverMemoryLimit, "arena: ", what, " needs ",
                Format(needed), ", and the control group ", group, ", limited to ", Format(limit),
                ", has ", Format(left), " left");
}

}  // namespace percpud::errors
