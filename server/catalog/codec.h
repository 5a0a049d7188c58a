// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Records as bytes. Keys and values are fixed-width fields in host order (the
// file never leaves its host), texts with their length before them. Each value
// begins with a checksum over key and value, for LMDB has none.

#ifndef PERCPUD_SERVER_CATALOG_CODEC_H_
#define PERCPUD_SERVER_CATALOG_CODEC_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/catalog/records.h"

namespace percpud::catalog {

enum class Table : std::uint8_t {
  kMeta,
  kChunks,
  kAreas,
  kVariables,
  kSessions,
  kLeases,
  kAnswers,
  kIdentities,
  kOpened,
  kQuarantine,
  kNamespaces,
  kFamilies,
  kSeriesBlocks,
  kSeries,
  kJoined,
  kWriters,
  kWriterBlocks,
  kSeriesWriters
};
inline constexpr std::size_t kTables = 18;

// Appends the key, or the value, to `out`. What Encode takes, Decode returns.
void EncodeKey(std::uint64_t id, std::string& out);
void EncodeKey(SessionId session, RequestId request, std::string& out);
void EncodeKey(PercpuPtr area, SessionId session, std::string& out);
void EncodeKey(NamespaceId name_space, SessionId session, std::string& out);
void EncodeKey(SeriesId series, WriterId writer, std::string& out);

void Encode(const Arena& record, std::string& value);
void Encode(const Chunk& record, std::string& value);
void Encode(const Area& record, std::string& value);
void Encode(const Variable& record, std::string& value);
void Encode(const Session& record, std::string& value);
void Encode(const Lease& record, std::string& value);
void Encode(const Answer& record, std::string& value);
void Encode(const LastSession& record, std::string& value);
void Encode(const Identity& record, std::string& value);
void Encode(const Opened& record, std::string& value);
void Encode(const Quarantined& record, std::string& value);
void Encode(const Namespace& record, std::string& value);
void Encode(const Family& record, std::string& value);
void Encode(const SeriesBlock& record, std::string& value);
void Encode(const Series& record, std::string& value);
void Encode(const Joined& record, std::string& value);
void Encode(const MetricWriter& record, std::string& value);
void Encode(const WriterBlock& record, std::string& value);
void Encode(const SeriesWriter& record, std::string& value);
void Encode(const LastMetric& record, std::string& value);

// Puts the checksum over `key` and the rest into the first bytes of `value`,
// which Encode left for it.
void Seal(absl::string_view key, char* value, std::size_t size);

// Changes the owner in a sealed area. REQUIRES: Encode(Area) made `value`.
void PatchOwner(absl::string_view key, SessionId owner, std::string& value);

// nullopt: damaged. An area's tag points into `value`.
template <typename Record>
std::optional<Record> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Arena> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Chunk> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Area> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Variable> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Session> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Lease> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Answer> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<LastSession> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Identity> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Opened> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Quarantined> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Namespace> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Family> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<SeriesBlock> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Series> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<Joined> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<MetricWriter> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<WriterBlock> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<SeriesWriter> Decode(absl::string_view key, absl::string_view value);
template <>
std::optional<LastMetric> Decode(absl::string_view key, absl::string_view value);

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_CODEC_H_
