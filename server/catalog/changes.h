// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CATALOG_CHANGES_H_
#define PERCPUD_SERVER_CATALOG_CHANGES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/catalog/codec.h"
#include "server/catalog/records.h"

namespace percpud::catalog {

// What one request changes in the catalog, encoded and in order: committed as a
// whole or not at all. A later change of a record wins. Not thread safe.
class Changes {
 public:
  void Put(const Arena& record);
  void Put(const Chunk& record);
  void Put(const Area& record);
  void Put(const Variable& record);
  void Put(const Session& record);
  void Put(const Lease& record);
  void Put(const Answer& record);
  void Put(const Identity& record);
  void Put(const Opened& record);
  void Put(const Quarantined& record);
  void Put(const Namespace& record);
  void Put(const Family& record);
  void Put(const SeriesBlock& record);
  void Put(const Series& record);
  void Put(const Joined& record);
  void Put(const MetricWriter& record);
  void Put(const WriterBlock& record);
  void Put(const SeriesWriter& record);
  void Put(const LastMetric& record);
  // Says what kind of catalog this is. Goes with the first record of a fresh one.
  void PutFormat();
  // Changes the owner of an area. Does nothing if there is no such area.
  void SetOwner(PercpuPtr pointer, SessionId owner);
  void Put(const LastSession& record);

  // Each does nothing if there is no such record.
  void DeleteChunk(ChunkId id);
  void DeleteArea(PercpuPtr pointer);
  void DeleteVariable(absl::string_view name);
  void DeleteSession(SessionId id);
  void DeleteLease(ChunkId chunk);
  void DeleteAnswer(SessionId session, RequestId request);
  void DeleteIdentity(SessionId owner);
  void DeleteOpened(PercpuPtr area, SessionId session);
  void DeleteQuarantined(PercpuPtr pointer);
  void DeleteFamily(FamilyId id);
  void DeleteSeriesBlock(PercpuPtr pointer);
  void DeleteSeries(SeriesId id);
  void DeleteJoined(NamespaceId name_space, SessionId session);
  void DeleteWriter(WriterId id);
  void DeleteWriterBlock(PercpuPtr pointer);
  void DeleteSeriesWriter(SeriesId series, WriterId writer);

  [[nodiscard]] bool empty() const { return ops_.empty(); }
  // Whether records are added, for which there has to be room. Records that replace their
  // like (answers, the arena, the format) do not count: they are written from the deletions'
  // reserve, so that a daemon starts with a full catalog.
  [[nodiscard]] bool puts() const { return puts_; }
  // Bytes of keys and values.
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }

  enum class Kind : std::uint8_t { kPut, kDelete, kSetOwner };
  struct Op {
    Table table;
    Kind kind;
    std::uint32_t at;
    std::uint32_t key_size;
    std::uint32_t value_size;
  };
  [[nodiscard]] const std::vector<Op>& ops() const { return ops_; }
  [[nodiscard]] absl::string_view key(const Op& op) const {
    return absl::string_view(bytes_).substr(op.at, op.key_size);
  }
  [[nodiscard]] absl::string_view value(const Op& op) const {
    return absl::string_view(bytes_).substr(op.at + op.key_size, op.value_size);
  }

 private:
  template <typename EncodeKeyFn, typename EncodeValueFn>
  void Add(Table table, EncodeKeyFn encode_key, EncodeValueFn encode_value);
  template <typename EncodeKeyFn>
  void Delete(Table table, EncodeKeyFn encode_key);

  std::vector<Op> ops_;
  std::string bytes_;
  bool puts_ = false;
};

// Keys of table `meta`. The first one's value is kFormat, nothing before it.
inline constexpr absl::string_view kFormatKey = "format";
inline constexpr absl::string_view kArenaKey = "arena";
inline constexpr absl::string_view kLastSessionKey = "last_session";
inline constexpr absl::string_view kLastMetricKey = "last_metric";

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_CHANGES_H_
