// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The records of metrics.

#include <cstdint>
#include <optional>
#include <utility>

#include "server/catalog/codec.h"
#include "server/catalog/fields.h"

namespace percpud::catalog {

using internal::Finish;
using internal::Number;
using internal::Numbers;
using internal::Reader;
using internal::Writer;

void EncodeKey(NamespaceId name_space, SessionId session, std::string& out) {
  EncodeKey(name_space.value(), out);
  EncodeKey(session.value(), out);
}

void Encode(const Namespace& record, std::string& value) {
  Writer writer(value);
  writer << record.owner << record.generation << record.created_ns;
  writer.Text(record.name).Text(record.host);
  if (record.group) writer << *record.group;
}

template <>
std::optional<Namespace> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  Namespace out;
  out.id = NamespaceId(*id);
  reader >> out.owner >> out.generation >> out.created_ns;
  reader.Text(out.name).Text(out.host);
  if (reader.ok() && reader.left() > 0) reader >> out.group.emplace();
  return Finish(reader, std::move(out));
}

void Encode(const Family& record, std::string& value) {
  Writer writer(value);
  writer << record.name_space << record.generation << record.created_ns << record.max_series
         << record.ttl_seconds << record.type << record.cells << record.fold << record.live_only
         << record.replaced << record.last_writer << record.refused << record.overflowed;
  writer.Text(record.name).Text(record.help).Text(record.unit);
  writer << static_cast<std::uint32_t>(record.labels.size());
  for (const std::string& label : record.labels) writer.Text(label);
  for (const double bound : record.bounds) writer << bound;
}

template <>
std::optional<Family> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  Family out;
  out.id = FamilyId(*id);
  std::uint8_t live_only = 0;
  std::uint8_t replaced = 0;
  std::uint32_t labels = 0;
  reader >> out.name_space >> out.generation >> out.created_ns >> out.max_series >>
      out.ttl_seconds >> out.type >> out.cells >> out.fold >> live_only >> replaced >>
      out.last_writer >> out.refused >> out.overflowed;
  out.live_only = live_only != 0;
  out.replaced = replaced != 0;
  reader.Text(out.name).Text(out.help).Text(out.unit) >> labels;
  for (; labels > 0 && reader.ok(); --labels) reader.Text(out.labels.emplace_back());
  for (std::size_t left = reader.left() / sizeof(double); left > 0 && reader.ok(); --left) {
    reader >> out.bounds.emplace_back();
  }
  return Finish(reader, std::move(out));
}

void Encode(const SeriesBlock& record, std::string& value) { Writer(value) << record.family; }

template <>
std::optional<SeriesBlock> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> pointer = Number(key);
  if (!pointer) return std::nullopt;
  SeriesBlock out{.pointer = PercpuPtr(*pointer), .family = {}};
  reader >> out.family;
  return Finish(reader, out);
}

void Encode(const Series& record, std::string& value) {
  Writer writer(value);
  writer << record.family << record.cells << record.created_ns << record.hidden << record.overflow
         << record.retired << record.last_writer;
  writer.Text(record.values);
  for (const std::uint64_t word : record.baseline) writer << word;
}

template <>
std::optional<Series> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  Series out;
  out.id = SeriesId(*id);
  std::uint8_t hidden = 0;
  std::uint8_t overflow = 0;
  std::uint8_t retired = 0;
  reader >> out.family >> out.cells >> out.created_ns >> hidden >> overflow >> retired >>
      out.last_writer;
  out.hidden = hidden != 0;
  out.overflow = overflow != 0;
  out.retired = retired != 0;
  reader.Text(out.values);
  for (std::size_t left = reader.left() / sizeof(std::uint64_t); left > 0 && reader.ok(); --left) {
    reader >> out.baseline.emplace_back();
  }
  return Finish(reader, std::move(out));
}

void Encode(const Joined& /*record*/, std::string& value) { const Writer sealed(value); }

template <>
std::optional<Joined> Decode(absl::string_view key, absl::string_view value) {
  const auto numbers = Numbers(key);
  if (!numbers) return std::nullopt;
  return Finish(Reader(key, value), Joined{.name_space = NamespaceId(numbers->first),
                                           .session = SessionId(numbers->second)});
}

void EncodeKey(SeriesId series, WriterId writer, std::string& out) {
  EncodeKey(series.value(), out);
  EncodeKey(writer.value(), out);
}

void Encode(const MetricWriter& record, std::string& value) {
  Writer writer(value);
  writer << record.name_space << record.session << record.slot;
  writer.Text(record.label);
}

template <>
std::optional<MetricWriter> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  MetricWriter out;
  out.id = WriterId(*id);
  reader >> out.name_space >> out.session >> out.slot;
  reader.Text(out.label);
  return Finish(reader, std::move(out));
}

void Encode(const WriterBlock& record, std::string& value) { Writer(value) << record.writer; }

template <>
std::optional<WriterBlock> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> pointer = Number(key);
  if (!pointer) return std::nullopt;
  WriterBlock out{.pointer = PercpuPtr(*pointer), .writer = {}};
  reader >> out.writer;
  return Finish(reader, out);
}

void Encode(const SeriesWriter& record, std::string& value) {
  Writer writer(value);
  writer << record.cell << record.unit << record.value << record.timestamp << record.died_ns;
  writer.Text(record.label);
}

template <>
std::optional<SeriesWriter> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const auto numbers = Numbers(key);
  if (!numbers) return std::nullopt;
  SeriesWriter out;
  out.series = SeriesId(numbers->first);
  out.writer = WriterId(numbers->second);
  reader >> out.cell >> out.unit >> out.value >> out.timestamp >> out.died_ns;
  reader.Text(out.label);
  return Finish(reader, std::move(out));
}

void Encode(const LastMetric& record, std::string& value) {
  Writer(value) << record.id << record.revision;
}

template <>
std::optional<LastMetric> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  LastMetric out;
  reader >> out.id >> out.revision;
  return Finish(reader, out);
}

}  // namespace percpud::catalog
