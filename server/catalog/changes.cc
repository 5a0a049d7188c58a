// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/changes.h"

namespace percpud::catalog {

template <typename EncodeKeyFn, typename EncodeValueFn>
void Changes::Add(Table table, EncodeKeyFn encode_key, EncodeValueFn encode_value) {
  Op op{.table = table,
        .kind = Kind::kPut,
        .at = static_cast<std::uint32_t>(bytes_.size()),
        .key_size = 0,
        .value_size = 0};
  encode_key(bytes_);
  op.key_size = static_cast<std::uint32_t>(bytes_.size() - op.at);
  encode_value(bytes_);
  op.value_size = static_cast<std::uint32_t>(bytes_.size() - op.at - op.key_size);
  Seal(key(op), bytes_.data() + op.at + op.key_size, op.value_size);
  ops_.push_back(op);
  // Answers replace each other, and what the meta table has is replaced from start to start.
  puts_ = puts_ || (table != Table::kAnswers && table != Table::kMeta);
}

template <typename EncodeKeyFn>
void Changes::Delete(Table table, EncodeKeyFn encode_key) {
  Op op{.table = table,
        .kind = Kind::kDelete,
        .at = static_cast<std::uint32_t>(bytes_.size()),
        .key_size = 0,
        .value_size = 0};
  encode_key(bytes_);
  op.key_size = static_cast<std::uint32_t>(bytes_.size() - op.at);
  ops_.push_back(op);
}

namespace {

auto Number(std::uint64_t id) {
  return [id](std::string& out) { EncodeKey(id, out); };
}
auto Text(absl::string_view text) {
  return [text](std::string& out) { out.append(text.data(), text.size()); };
}
template <typename Record>
auto Value(const Record& record) {
  return [&record](std::string& out) { Encode(record, out); };
}

}  // namespace

void Changes::Put(const Arena& record) { Add(Table::kMeta, Text(kArenaKey), Value(record)); }
void Changes::Put(const Chunk& record) {
  Add(Table::kChunks, Number(record.id.value()), Value(record));
}
void Changes::Put(const Area& record) {
  Add(Table::kAreas, Number(record.pointer.value()), Value(record));
}
void Changes::Put(const Variable& record) {
  Add(Table::kVariables, Text(record.name), Value(record));
}
void Changes::Put(const Session& record) {
  Add(Table::kSessions, Number(record.id.value()), Value(record));
}
void Changes::Put(const Lease& record) {
  Add(Table::kLeases, Number(record.chunk.value()), Value(record));
}
void Changes::Put(const Answer& record) {
  Add(
      Table::kAnswers,
      [&record](std::string& out) { EncodeKey(record.session, record.request, out); },
      Value(record));
}
void Changes::Put(const Identity& record) {
  Add(Table::kIdentities, Number(record.owner.value()), Value(record));
}
void Changes::Put(const Opened& record) {
  Add(
      Table::kOpened, [&record](std::string& out) { EncodeKey(record.area, record.session, out); },
      Value(record));
}
void Changes::Put(const Quarantined& record) {
  Add(Table::kQuarantine, Number(record.pointer.value()), Value(record));
}
void Changes::Put(const Namespace& record) {
  Add(Table::kNamespaces, Number(record.id.value()), Value(record));
}
void Changes::Put(const Family& record) {
  Add(Table::kFamilies, Number(record.id.value()), Value(record));
}
void Changes::Put(const SeriesBlock& record) {
  Add(Table::kSeriesBlocks, Number(record.pointer.value()), Value(record));
}
void Changes::Put(const Series& record) {
  Add(Table::kSeries, Number(record.id.value()), Value(record));
}
void Changes::Put(const Joined& record) {
  Add(
      Table::kJoined,
      [&record](std::string& out) { EncodeKey(record.name_space, record.session, out); },
      Value(record));
}
void Changes::Put(const MetricWriter& record) {
  Add(Table::kWriters, Number(record.id.value()), Value(record));
}
void Changes::Put(const WriterBlock& record) {
  Add(Table::kWriterBlocks, Number(record.pointer.value()), Value(record));
}
void Changes::Put(const SeriesWriter& record) {
  Add(
      Table::kSeriesWriters,
      [&record](std::string& out) { EncodeKey(record.series, record.writer, out); }, Value(record));
}
void Changes::Put(const LastMetric& record) {
  Add(Table::kMeta, Text(kLastMetricKey), Value(record));
}
void Changes::PutFormat() {
  ops_.push_back({.table = Table::kMeta,
                  .kind = Kind::kPut,
                  .at = static_cast<std::uint32_t>(bytes_.size()),
                  .key_size = static_cast<std::uint32_t>(kFormatKey.size()),
                  .value_size = static_cast<std::uint32_t>(kFormat.size())});
  bytes_.append(kFormatKey.data(), kFormatKey.size());
  bytes_.append(kFormat.data(), kFormat.size());
}
void Changes::SetOwner(PercpuPtr pointer, SessionId owner) {
  Op op{.table = Table::kAreas,
        .kind = Kind::kSetOwner,
        .at = static_cast<std::uint32_t>(bytes_.size()),
        .key_size = sizeof(std::uint64_t),
        .value_size = sizeof(std::uint64_t)};
  EncodeKey(pointer.value(), bytes_);
  EncodeKey(owner.value(), bytes_);
  ops_.push_back(op);
}

void Changes::Put(const LastSession& record) {
  Add(Table::kMeta, Text(kLastSessionKey), Value(record));
}

void Changes::DeleteChunk(ChunkId id) { Delete(Table::kChunks, Number(id.value())); }
void Changes::DeleteArea(PercpuPtr pointer) { Delete(Table::kAreas, Number(pointer.value())); }
void Changes::DeleteVariable(absl::string_view name) { Delete(Table::kVariables, Text(name)); }
void Changes::DeleteSession(SessionId id) { Delete(Table::kSessions, Number(id.value())); }
void Changes::DeleteLease(ChunkId chunk) { Delete(Table::kLeases, Number(chunk.value())); }
void Changes::DeleteAnswer(SessionId session, RequestId request) {
  Delete(Table::kAnswers, [=](std::string& out) { EncodeKey(session, request, out); });
}
void Changes::DeleteIdentity(SessionId owner) { Delete(Table::kIdentities, Number(owner.value())); }
void Changes::DeleteOpened(PercpuPtr area, SessionId session) {
  Delete(Table::kOpened, [=](std::string& out) { EncodeKey(area, session, out); });
}
void Changes::DeleteQuarantined(PercpuPtr pointer) {
  Delete(Table::kQuarantine, Number(pointer.value()));
}
void Changes::DeleteFamily(FamilyId id) { Delete(Table::kFamilies, Number(id.value())); }
void Changes::DeleteSeriesBlock(PercpuPtr pointer) {
  Delete(Table::kSeriesBlocks, Number(pointer.value()));
}
void Changes::DeleteSeries(SeriesId id) { Delete(Table::kSeries, Number(id.value())); }
void Changes::DeleteJoined(NamespaceId name_space, SessionId session) {
  Delete(Table::kJoined, [=](std::string& out) { EncodeKey(name_space, session, out); });
}
void Changes::DeleteWriter(WriterId id) { Delete(Table::kWriters, Number(id.value())); }
void Changes::DeleteWriterBlock(PercpuPtr pointer) {
  Delete(Table::kWriterBlocks, Number(pointer.value()));
}
void Changes::DeleteSeriesWriter(SeriesId series, WriterId writer) {
  Delete(Table::kSeriesWriters, [=](std::string& out) { EncodeKey(series, writer, out); });
}

}  // namespace percpud::catalog
