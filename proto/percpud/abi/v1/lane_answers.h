// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The lane's answers (lane.h), written by the daemon and read by clients. Everything
// read is a view into the message.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_ANSWERS_H_
#define PERCPUD_PROTO_ABI_V1_LANE_ANSWERS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/percpud/abi/v1/lane.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"
#include "proto/percpud/abi/v1/lane_metrics_watch.h"
#include "proto/percpud/abi/v1/lane_record.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::abi::v1 {

struct LaneAnswer {
  LaneKind kind = LaneKind::kPing;
  // google.rpc.Code.
  std::uint16_t code = 0;
  std::uint64_t id = 0;
  LaneBytes body;
};

// The body of an answer whose code is not 0.
class LaneErrorView {
 public:
  // False if the body is malformed.
  bool Parse(LaneBytes body) {
    if (body.size() < sizeof(LaneError)) return false;
    body_ = body;
    head_ = LaneLoad<LaneError>(body, 0);
    return head_.reserved == 0 &&
           LaneBodyIs(body, sizeof(head_) + std::size_t{head_.reason_bytes} + head_.text_bytes);
  }
  // The catalogue's name of the refusal; empty if it has none.
  [[nodiscard]] std::string_view reason() const {
    return LaneText(body_, sizeof(head_), head_.reason_bytes);
  }
  [[nodiscard]] std::string_view text() const {
    return LaneText(body_, sizeof(head_) + head_.reason_bytes, head_.text_bytes);
  }

 private:
  LaneBytes body_;
  LaneError head_{};
};

// Whether the body is what the kind and the code say. A kind without a name may hold
// anything.
inline bool LaneIsWellFormed(const LaneAnswer& answer) {
  if (answer.code != 0) return LaneErrorView().Parse(answer.body);
  switch (answer.kind) {
    case LaneKind::kPing:
      return answer.body.empty();
    case LaneKind::kAlloc:
      return LanePointersView().Parse(answer.body);
    case LaneKind::kFree:
      return answer.body.size() == sizeof(LaneFreed);
    case LaneKind::kAdd:
      return answer.body.size() == sizeof(LaneAdded);
    case LaneKind::kOpenVariable:
      return answer.body.size() == sizeof(LaneVariable);
    case LaneKind::kOpenSeries:
      return LaneOpenedView().Parse(answer.body);
    case LaneKind::kRemoveSeries:
      return answer.body.size() == sizeof(LaneRemoved);
    case LaneKind::kCloseWriter:
      return answer.body.size() == sizeof(LaneWriterClosed);
    case LaneKind::kListFamilies:
      return LaneFamiliesView().Parse(answer.body);
    case LaneKind::kReadSeries:
      return LaneSeriesPageView().Parse(answer.body);
    case LaneKind::kResetNamespace:
      return answer.body.size() == sizeof(LaneNamespaceReset);
    case LaneKind::kWatchSeries:
      return LaneChangesView().Parse(answer.body);
  }
  return true;
}

// The answers of a message, one after the other.
class LaneAnswerReader {
 public:
  // The message outlives the reader and its answers.
  explicit LaneAnswerReader(LaneBytes message) : records_(message) {}

  // At kRecord, `answer` is well-formed.
  LaneNext Next(LaneAnswer& answer) {
    LaneAnswerHeader header;
    const LaneNext next = records_.Next(header, answer.body);
    if (next != LaneNext::kRecord) return next;
    answer.kind = static_cast<LaneKind>(header.kind);
    answer.code = header.code;
    answer.id = header.id;
    return LaneIsWellFormed(answer) ? next : LaneNext::kMalformed;
  }

 private:
  LaneRecords<LaneAnswerHeader> records_;
};

// --- Writing

// The room that the answer to a request takes at most.
inline std::size_t LaneAnswerRoom(const LaneRequest& request) {
  constexpr std::size_t kError = sizeof(LaneError) + kLaneReasonBytes + kLaneTextBytes;
  std::size_t body = kError;
  switch (request.kind) {
    case LaneKind::kAlloc:
      body =
          sizeof(LanePointers) + LaneLoad<LaneAlloc>(request.body, 0).sizes * sizeof(std::uint64_t);
      break;
    case LaneKind::kOpenSeries: {
      LaneOpenSeriesView open;
      // More are refused as a whole.
      if (!open.Parse(request.body) || open.series() > kLaneMostSeries) break;
      const std::size_t errors = open.series() < kLaneMostErrors ? open.series() : kLaneMostErrors;
      body = sizeof(LaneOpened) + open.series() * sizeof(LaneOpenedSeries) + errors * kError;
      break;
    }
    case LaneKind::kListFamilies:
    case LaneKind::kReadSeries:
    case LaneKind::kWatchSeries:
      body = kLanePageBytes;
      break;
    default:
      break;
  }
  return LaneRoundUp(sizeof(LaneAnswerHeader) + (body > kError ? body : kError));
}

// Writes answers into a message. Each returns false, with nothing written, if the
// message has no room for it and is to be sent first; every answer fits into an empty
// message of kLaneMessageBytes.
class LaneAnswerWriter {
 public:
  // `memory` outlives the writer; kLaneMessageBytes of it are used at most.
  explicit LaneAnswerWriter(std::span<std::byte> memory)
      : buffer_({memory.data(),
                 memory.size() < kLaneMessageBytes ? memory.size() : kLaneMessageBytes}) {}

  bool Ping(std::uint64_t id) {
    if (!Begin(LaneKind::kPing, 0, id, 0)) return false;
    buffer_.End();
    return true;
  }
  bool Alloc(std::uint64_t id, std::span<const std::uint64_t> pointers) {
    const LanePointers head{.pointers = static_cast<std::uint32_t>(pointers.size()), .reserved = 0};
    if (!Begin(LaneKind::kAlloc, 0, id, sizeof(head) + pointers.size_bytes())) return false;
    buffer_.Put(head);
    buffer_.PutBytes(pointers.data(), pointers.size_bytes());
    buffer_.End();
    return true;
  }
  bool Free(std::uint64_t id, const LaneFreed& freed) { return Whole(LaneKind::kFree, id, freed); }
  bool Add(std::uint64_t id, const LaneAdded& added) { return Whole(LaneKind::kAdd, id, added); }
  bool OpenVariable(std::uint64_t id, const LaneVariable& variable) {
    return Whole(LaneKind::kOpenVariable, id, variable);
  }
  // `body` is a LaneOpenedBody's.
  bool OpenSeries(std::uint64_t id, LaneBytes body) {
    return Copy(LaneKind::kOpenSeries, id, body);
  }
  bool RemoveSeries(std::uint64_t id, const LaneRemoved& removed) {
    return Whole(LaneKind::kRemoveSeries, id, removed);
  }
  bool CloseWriter(std::uint64_t id, const LaneWriterClosed& closed) {
    return Whole(LaneKind::kCloseWriter, id, closed);
  }
  // `body` is a LaneFamiliesBody's.
  bool ListFamilies(std::uint64_t id, LaneBytes body) {
    return Copy(LaneKind::kListFamilies, id, body);
  }
  // `body` is a LaneSeriesPageBody's.
  bool ReadSeries(std::uint64_t id, LaneBytes body) {
    return Copy(LaneKind::kReadSeries, id, body);
  }
  bool ResetNamespace(std::uint64_t id, const LaneNamespaceReset& reset) {
    return Whole(LaneKind::kResetNamespace, id, reset);
  }
  // `body` is a LaneChangesBody's.
  bool WatchSeries(std::uint64_t id, LaneBytes body) {
    return Copy(LaneKind::kWatchSeries, id, body);
  }
  // Cuts the texts to kLaneReasonBytes and kLaneTextBytes. REQUIRES: `code` is not 0.
  bool Error(LaneKind kind, std::uint64_t id, std::uint16_t code, std::string_view reason,
             std::string_view text) {
    assert(code != 0);
    const std::size_t reason_bytes = Least(reason.size(), kLaneReasonBytes);
    const std::size_t text_bytes = LaneCutText(text, kLaneTextBytes);
    const LaneError head{.reason_bytes = static_cast<std::uint16_t>(reason_bytes),
                         .text_bytes = static_cast<std::uint16_t>(text_bytes),
                         .reserved = 0};
    if (!Begin(kind, code, id, sizeof(head) + reason_bytes + text_bytes)) return false;
    buffer_.Put(head);
    buffer_.PutBytes(reason.data(), reason_bytes);
    buffer_.PutBytes(text.data(), text_bytes);
    buffer_.End();
    return true;
  }

  // Bytes that are left.
  [[nodiscard]] std::size_t room() const { return buffer_.room(); }
  // What was written so far.
  [[nodiscard]] LaneBytes message() const { return buffer_.message(); }
  void Clear() { buffer_.Clear(); }

 private:
  static std::size_t Least(std::size_t a, std::size_t b) { return a < b ? a : b; }
  bool Begin(LaneKind kind, std::uint16_t code, std::uint64_t id, std::size_t body) {
    const std::size_t bytes = LaneRoundUp(sizeof(LaneAnswerHeader) + body);
    if (!buffer_.Begin(bytes)) return false;
    buffer_.Put(LaneAnswerHeader{.bytes = static_cast<std::uint32_t>(bytes),
                                 .kind = static_cast<std::uint16_t>(kind),
                                 .code = code,
                                 .id = id});
    return true;
  }
  bool Copy(LaneKind kind, std::uint64_t id, LaneBytes body) {
    if (!Begin(kind, 0, id, body.size())) return false;
    buffer_.PutBytes(body.data(), body.size());
    buffer_.End();
    return true;
  }
  template <typename Body>
  bool Whole(LaneKind kind, std::uint64_t id, const Body& body) {
    if (!Begin(kind, 0, id, sizeof(body))) return false;
    buffer_.Put(body);
    buffer_.End();
    return true;
  }

  LaneBuffer buffer_;
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_ANSWERS_H_
