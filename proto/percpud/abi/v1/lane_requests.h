// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The lane's requests (lane.h), written by clients and read by the daemon. Everything
// read is a view into the message; nothing is believed before it was checked.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_REQUESTS_H_
#define PERCPUD_PROTO_ABI_V1_LANE_REQUESTS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/percpud/abi/v1/lane.h"
#include "proto/percpud/abi/v1/lane_metrics_requests.h"
#include "proto/percpud/abi/v1/lane_record.h"

namespace percpud::abi::v1 {

struct LaneRequest {
  // Possibly one without a name in LaneKind.
  LaneKind kind = LaneKind::kPing;
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  LaneBytes body;
};

// --- Bodies. Each Parse returns false if the body is malformed.
class LaneAllocView {
 public:
  bool Parse(LaneBytes body) {
    if (body.size() < sizeof(LaneAlloc)) return false;
    body_ = body;
    head_ = LaneLoad<LaneAlloc>(body, 0);
    if (head_.no_grow > 1 || head_.reserved != 0) return false;
    return LaneBodyIs(body, TagAt() + head_.tag_bytes);
  }
  [[nodiscard]] std::uint32_t sizes() const { return head_.sizes; }
  [[nodiscard]] std::uint32_t alignments() const { return head_.alignments; }
  // REQUIRES: index < sizes().
  [[nodiscard]] std::uint64_t size(std::uint32_t index) const {
    assert(index < head_.sizes);
    return LaneLoad<std::uint64_t>(body_, sizeof(LaneAlloc) + index * sizeof(std::uint64_t));
  }
  // REQUIRES: index < alignments().
  [[nodiscard]] std::uint32_t alignment(std::uint32_t index) const {
    assert(index < head_.alignments);
    return LaneLoad<std::uint32_t>(body_, AlignmentsAt() + index * sizeof(std::uint32_t));
  }
  [[nodiscard]] std::uint8_t region() const { return head_.region; }
  [[nodiscard]] bool no_grow() const { return head_.no_grow != 0; }
  [[nodiscard]] std::string_view tag() const { return LaneText(body_, TagAt(), head_.tag_bytes); }

 private:
  [[nodiscard]] std::size_t AlignmentsAt() const {
    return sizeof(LaneAlloc) + std::size_t{head_.sizes} * sizeof(std::uint64_t);
  }
  [[nodiscard]] std::size_t TagAt() const {
    return AlignmentsAt() + std::size_t{head_.alignments} * sizeof(std::uint32_t);
  }

  LaneBytes body_;
  LaneAlloc head_{};
};

// The pointers in Free's request and in Alloc's answer.
class LanePointersView {
 public:
  bool Parse(LaneBytes body) {
    if (body.size() < sizeof(LanePointers)) return false;
    body_ = body;
    const auto head = LaneLoad<LanePointers>(body, 0);
    count_ = head.pointers;
    return head.reserved == 0 &&
           LaneBodyIs(body, sizeof(head) + std::size_t{count_} * sizeof(std::uint64_t));
  }
  [[nodiscard]] std::uint32_t pointers() const { return count_; }
  // REQUIRES: index < pointers().
  [[nodiscard]] std::uint64_t pointer(std::uint32_t index) const {
    assert(index < count_);
    return LaneLoad<std::uint64_t>(body_, sizeof(LanePointers) + index * sizeof(std::uint64_t));
  }

 private:
  LaneBytes body_;
  std::uint32_t count_ = 0;
};

class LaneOpenVariableView {
 public:
  bool Parse(LaneBytes body) {
    if (body.size() < sizeof(LaneOpenVariable)) return false;
    body_ = body;
    head_ = LaneLoad<LaneOpenVariable>(body, 0);
    return head_.create <= 1 && LaneBodyIs(body, sizeof(head_) + head_.name_bytes);
  }
  [[nodiscard]] const LaneOpenVariable& head() const { return head_; }
  [[nodiscard]] std::string_view name() const {
    return LaneText(body_, sizeof(head_), head_.name_bytes);
  }

 private:
  LaneBytes body_;
  LaneOpenVariable head_{};
};

// Whether the body is what its kind says, and the number one that its kind has. A kind
// without a name may hold anything.
inline bool LaneIsWellFormed(const LaneRequest& request) {
  switch (request.kind) {
    case LaneKind::kPing:
      return request.number == 0 && request.body.empty();
    case LaneKind::kAlloc:
      return LaneAllocView().Parse(request.body);
    case LaneKind::kFree:
      return LanePointersView().Parse(request.body);
    case LaneKind::kAdd:
      return request.number == 0 && request.body.size() == sizeof(LaneAdd);
    case LaneKind::kOpenVariable:
      return request.number == 0 && LaneOpenVariableView().Parse(request.body);
    case LaneKind::kOpenSeries:
      return request.number == 0 && LaneOpenSeriesView().Parse(request.body);
    case LaneKind::kRemoveSeries:
      return request.number == 0 && LaneRemoveSeriesView().Parse(request.body);
    case LaneKind::kCloseWriter:
      return request.number == 0 && request.body.size() == sizeof(LaneCloseWriter);
    case LaneKind::kListFamilies:
      return request.number == 0 && LaneListFamiliesView().Parse(request.body);
    case LaneKind::kReadSeries:
      return request.number == 0 && LaneReadSeriesView().Parse(request.body);
    case LaneKind::kResetNamespace:
      return request.number == 0 && LaneResetNamespaceView().Parse(request.body);
    case LaneKind::kWatchSeries:
      return request.number == 0 && LaneWatchSeriesView().Parse(request.body);
  }
  return true;
}

// The requests of a message, one after the other.
class LaneRequestReader {
 public:
  // The message outlives the reader and its requests.
  explicit LaneRequestReader(LaneBytes message) : records_(message) {}

  // At kRecord, `request` is well-formed.
  LaneNext Next(LaneRequest& request) {
    LaneRequestHeader header;
    const LaneNext next = records_.Next(header, request.body);
    if (next != LaneNext::kRecord) return next;
    request.kind = static_cast<LaneKind>(header.kind);
    request.id = header.id;
    request.number = header.number;
    return header.reserved == 0 && LaneIsWellFormed(request) ? next : LaneNext::kMalformed;
  }

 private:
  LaneRecords<LaneRequestHeader> records_;
};

// How many requests a message holds; 0 if it is malformed: an empty one is, too.
inline std::uint32_t LaneCountRequests(LaneBytes message) {
  if (message.size() > kLaneMessageBytes) return 0;
  LaneRequestReader reader(message);
  LaneRequest request;
  std::uint32_t count = 0;
  while (true) {
    switch (reader.Next(request)) {
      case LaneNext::kRecord:
        if (++count > kLaneMessageRequests) return 0;
        break;
      case LaneNext::kEnd:
        return count;
      case LaneNext::kMalformed:
        return 0;
    }
  }
}

// --- Writing

// What an Alloc asks for. Views; outlives the writing only.
struct LaneAllocRequest {
  std::span<const std::uint64_t> sizes;
  // None, one for all, or one a size.
  std::span<const std::uint32_t> alignments;
  std::uint8_t region = 0;
  bool no_grow = false;
  std::string_view tag;
};

struct LaneOpenVariableRequest {
  std::string_view name;
  std::uint8_t type = 0;
  std::uint64_t size = 0;
  std::uint32_t alignment = 0;
  bool create = false;
};

// Writes requests into a message. Each returns false, with nothing written, if the
// message has no room for it: it is to be sent first, or, if it is empty, the request is
// too large for the lane.
class LaneRequestWriter {
 public:
  // `memory` outlives the writer; kLaneMessageBytes of it are used at most.
  explicit LaneRequestWriter(std::span<std::byte> memory)
      : buffer_({memory.data(),
                 memory.size() < kLaneMessageBytes ? memory.size() : kLaneMessageBytes}) {}

  bool Ping(std::uint64_t id) {
    if (!Begin(LaneKind::kPing, id, 0, 0)) return false;
    buffer_.End();
    return true;
  }
  bool Alloc(std::uint64_t id, std::uint64_t number, const LaneAllocRequest& request) {
    if (request.tag.size() > UINT16_MAX) return false;
    const LaneAlloc head{.sizes = static_cast<std::uint32_t>(request.sizes.size()),
                         .alignments = static_cast<std::uint32_t>(request.alignments.size()),
                         .region = request.region,
                         .no_grow = static_cast<std::uint8_t>(request.no_grow),
                         .tag_bytes = static_cast<std::uint16_t>(request.tag.size()),
                         .reserved = 0};
    const std::size_t body = sizeof(head) + request.sizes.size_bytes() +
                             request.alignments.size_bytes() + request.tag.size();
    if (!Begin(LaneKind::kAlloc, id, number, body)) return false;
    buffer_.Put(head);
    buffer_.PutBytes(request.sizes.data(), request.sizes.size_bytes());
    buffer_.PutBytes(request.alignments.data(), request.alignments.size_bytes());
    buffer_.PutBytes(request.tag.data(), request.tag.size());
    buffer_.End();
    return true;
  }
  bool Free(std::uint64_t id, std::uint64_t number, std::span<const std::uint64_t> pointers) {
    const LanePointers head{.pointers = static_cast<std::uint32_t>(pointers.size()), .reserved = 0};
    if (!Begin(LaneKind::kFree, id, number, sizeof(head) + pointers.size_bytes())) return false;
    buffer_.Put(head);
    buffer_.PutBytes(pointers.data(), pointers.size_bytes());
    buffer_.End();
    return true;
  }
  bool Add(std::uint64_t id, const LaneAdd& add) {
    if (!Begin(LaneKind::kAdd, id, 0, sizeof(add))) return false;
    buffer_.Put(add);
    buffer_.End();
    return true;
  }
  bool OpenVariable(std::uint64_t id, const LaneOpenVariableRequest& request) {
    if (request.name.size() > UINT16_MAX) return false;
    const LaneOpenVariable head{.size = request.size,
                                .alignment = request.alignment,
                                .name_bytes = static_cast<std::uint16_t>(request.name.size()),
                                .type = request.type,
                                .create = static_cast<std::uint8_t>(request.create)};
    if (!Begin(LaneKind::kOpenVariable, id, 0, sizeof(head) + request.name.size())) return false;
    buffer_.Put(head);
    buffer_.PutBytes(request.name.data(), request.name.size());
    buffer_.End();
    return true;
  }
  // `body` is a LaneOpenSeriesBody's.
  bool OpenSeries(std::uint64_t id, LaneBytes body) {
    return Whole(LaneKind::kOpenSeries, id, body, {});
  }
  bool RemoveSeries(std::uint64_t id, const LaneRemoveSeriesRequest& request) {
    const std::size_t labels = request.all ? 0 : request.values.size();
    if (!Fits(request.name_space) || !Fits(request.family) || labels > UINT16_MAX) {
      return false;
    }
    std::size_t body = sizeof(LaneRemoveSeries) + request.name_space.size() + request.family.size();
    for (const std::string_view value : request.values.first(labels)) {
      if (!Fits(value)) return false;
      body += sizeof(std::uint16_t) + value.size();
    }
    if (!Begin(LaneKind::kRemoveSeries, id, 0, body)) return false;
    buffer_.Put(
        LaneRemoveSeries{.namespace_bytes = static_cast<std::uint16_t>(request.name_space.size()),
                         .family_bytes = static_cast<std::uint16_t>(request.family.size()),
                         .labels = static_cast<std::uint16_t>(labels),
                         .removal = static_cast<std::uint8_t>(request.removal),
                         .all = static_cast<std::uint8_t>(request.all)});
    buffer_.PutBytes(request.name_space.data(), request.name_space.size());
    buffer_.PutBytes(request.family.data(), request.family.size());
    for (const std::string_view value : request.values.first(labels)) {
      buffer_.Put(static_cast<std::uint16_t>(value.size()));
      buffer_.PutBytes(value.data(), value.size());
    }
    buffer_.End();
    return true;
  }
  bool CloseWriter(std::uint64_t id, std::uint64_t writer) {
    return Whole(LaneKind::kCloseWriter, id, LaneCloseWriter{.writer = writer});
  }
  // Lists the families of all namespaces.
  bool ListFamilies(std::uint64_t id, std::uint64_t from) {
    return Whole(LaneKind::kListFamilies, id,
                 LaneListFamilies{.from = from, .namespace_bytes = 0, .all = 1, .reserved = {}});
  }
  bool ListFamilies(std::uint64_t id, std::uint64_t from, std::string_view name_space) {
    if (!Fits(name_space)) return false;
    const auto bytes = static_cast<std::uint16_t>(name_space.size());
    return Whole(LaneKind::kListFamilies, id,
                 LaneListFamilies{.from = from, .namespace_bytes = bytes, .all = 0, .reserved = {}},
                 name_space);
  }
  // Reads the series of one family, or of all if it is 0.
  bool ReadSeries(std::uint64_t id, const LaneSeriesFrom& from, std::uint64_t family,
                  std::string_view name_space) {
    if (!Fits(name_space)) return false;
    return Whole(LaneKind::kReadSeries, id,
                 LaneReadSeries{.from = from,
                                .family = family,
                                .namespace_bytes = static_cast<std::uint16_t>(name_space.size()),
                                .reserved = 0,
                                .reserved_too = 0},
                 name_space);
  }
  bool ResetNamespace(std::uint64_t id, std::uint64_t if_generation, std::string_view name_space) {
    if (!Fits(name_space)) return false;
    return Whole(
        LaneKind::kResetNamespace, id,
        LaneResetNamespace{.if_generation = if_generation,
                           .namespace_bytes = static_cast<std::uint16_t>(name_space.size()),
                           .reserved = 0,
                           .reserved_too = 0},
        name_space);
  }
  // Asks what has changed in all namespaces.
  bool WatchSeries(std::uint64_t id, std::uint64_t after) {
    return Whole(LaneKind::kWatchSeries, id,
                 LaneWatchSeries{.after = after, .namespace_bytes = 0, .all = 1, .reserved = {}});
  }
  bool WatchSeries(std::uint64_t id, std::uint64_t after, std::string_view name_space) {
    if (!Fits(name_space)) return false;
    const auto bytes = static_cast<std::uint16_t>(name_space.size());
    return Whole(
        LaneKind::kWatchSeries, id,
        LaneWatchSeries{.after = after, .namespace_bytes = bytes, .all = 0, .reserved = {}},
        name_space);
  }

  [[nodiscard]] std::uint32_t requests() const { return requests_; }
  // What was written so far.
  [[nodiscard]] LaneBytes message() const { return buffer_.message(); }
  void Clear() {
    buffer_.Clear();
    requests_ = 0;
  }

 private:
  bool Begin(LaneKind kind, std::uint64_t id, std::uint64_t number, std::size_t body) {
    if (body > kLaneMessageBytes || requests_ == kLaneMessageRequests) return false;
    const std::size_t bytes = LaneRoundUp(sizeof(LaneRequestHeader) + body);
    if (!buffer_.Begin(bytes)) return false;
    buffer_.Put(LaneRequestHeader{.bytes = static_cast<std::uint32_t>(bytes),
                                  .kind = static_cast<std::uint16_t>(kind),
                                  .reserved = 0,
                                  .id = id,
                                  .number = number});
    ++requests_;
    return true;
  }
  static bool Fits(std::string_view text) { return text.size() <= UINT16_MAX; }
  bool Whole(LaneKind kind, std::uint64_t id, LaneBytes body, std::string_view text) {
    if (!Begin(kind, id, 0, body.size() + text.size())) return false;
    buffer_.PutBytes(body.data(), body.size());
    buffer_.PutBytes(text.data(), text.size());
    buffer_.End();
    return true;
  }
  template <typename Head>
  bool Whole(LaneKind kind, std::uint64_t id, const Head& head, std::string_view text = {}) {
    return Whole(kind, id, std::as_bytes(std::span(&head, 1)), text);
  }

  LaneBuffer buffer_;
  std::uint32_t requests_ = 0;
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_REQUESTS_H_
