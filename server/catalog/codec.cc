// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/codec.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "server/catalog/fields.h"

namespace percpud::catalog {
namespace {

// Multiplying spreads a flipped bit upwards, the shift brings it down again.
std::uint64_t Mix(std::uint64_t hash, absl::string_view bytes) {
  constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15;
  while (!bytes.empty()) {
    std::uint64_t word = bytes.size();
    const std::size_t size = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), size);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 29;
    bytes.remove_prefix(size);
  }
  return hash;
}

}  // namespace

namespace internal {

std::uint32_t Check(absl::string_view key, absl::string_view payload) {
  return static_cast<std::uint32_t>(Mix(Mix(0, key), payload) >> 16);
}

}  // namespace internal

using internal::Check;
using internal::Finish;
using internal::kCheckBytes;
using internal::Number;
using internal::Numbers;
using internal::Reader;
using internal::Writer;

void EncodeKey(std::uint64_t id, std::string& out) {
  out.append(reinterpret_cast<const char*>(&id), sizeof(id));
}

void EncodeKey(SessionId session, RequestId request, std::string& out) {
  EncodeKey(session.value(), out);
  EncodeKey(request.value(), out);
}

void EncodeKey(PercpuPtr area, SessionId session, std::string& out) {
  EncodeKey(area.value(), out);
  EncodeKey(session.value(), out);
}

void Seal(absl::string_view key, char* value, std::size_t size) {
  const absl::string_view payload(value + kCheckBytes, size - kCheckBytes);
  const std::uint32_t check = Check(key, payload);
  std::memcpy(value, &check, sizeof(check));
}

// --- Records -----------------------------------------------------------------

void Encode(const Arena& record, std::string& value) {
  Writer writer(value);
  writer << record.id << record.file.device << record.file.inode << record.file.born_ns
         << record.file.size << record.epoch;
  writer.Text(record.boot_id).Text(record.layout);
}

template <>
std::optional<Arena> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  Arena out;
  reader >> out.id >> out.file.device >> out.file.inode >> out.file.born_ns >> out.file.size >>
      out.epoch;
  reader.Text(out.boot_id).Text(out.layout);
  return Finish(reader, std::move(out));
}

void Encode(const Chunk& record, std::string& value) {
  Writer(value) << record.base << record.order;
}

template <>
std::optional<Chunk> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  Chunk out{.id = ChunkId(*id), .base = {}, .order = {}};
  reader >> out.base >> out.order;
  return Finish(reader, out);
}

void Encode(const Area& record, std::string& value) {
  // No length before the tag: it is the rest.
  Writer(value) << record.size << record.owner << record.alignment;
  value.append(record.tag.data(), record.tag.size());
}

void PatchOwner(absl::string_view key, SessionId owner, std::string& value) {
  assert(value.size() >= kCheckBytes + sizeof(Area::size) + sizeof(owner));
  std::memcpy(value.data() + kCheckBytes + sizeof(Area::size), &owner, sizeof(owner));
  Seal(key, value.data(), value.size());
}

template <>
std::optional<Area> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> pointer = Number(key);
  if (!pointer) return std::nullopt;
  Area out{.pointer = PercpuPtr(*pointer), .size = {}};
  reader >> out.size >> out.owner >> out.alignment;
  if (!reader.ok()) return std::nullopt;
  out.tag = value.substr(value.size() - reader.left());
  return out;
}

void Encode(const Variable& record, std::string& value) {
  Writer writer(value);
  writer << record.type << record.pointer << record.size << record.maker;
  writer.Text(record.host);
}

template <>
std::optional<Variable> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  Variable out;
  out.name.assign(key.data(), key.size());
  reader >> out.type >> out.pointer >> out.size >> out.maker;
  if (reader.left() > 0) reader.Text(out.host);
  return Finish(reader, std::move(out));
}

void Encode(const Session& record, std::string& value) {
  Writer writer(value);
  writer << record.token << record.kind << record.role << record.has_peer << record.pid
         << record.uid << record.gid << record.started << record.opened_ns << record.ttl_ns;
  writer.Text(record.command).Text(record.host) << record.pid_namespace;
}

template <>
std::optional<Session> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  Session out;
  std::uint8_t has_peer = 0;
  out.id = SessionId(*id);
  reader >> out.token >> out.kind >> out.role >> has_peer >> out.pid >> out.uid >> out.gid >>
      out.started >> out.opened_ns >> out.ttl_ns;
  reader.Text(out.command);
  out.has_peer = has_peer != 0;
  if (reader.left() > 0) {
    reader.Text(out.host) >> out.pid_namespace;
  } else if (!out.has_peer) {
    // The first format did not say whose a remote session is.
    out.uid = kNobody;
  }
  return Finish(reader, std::move(out));
}

void Encode(const Lease& record, std::string& value) {
  Writer writer(value);
  writer << record.map_base << record.holder << record.maker;
  writer.Text(record.name) << record.granted_by;
}

template <>
std::optional<Lease> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> id = Number(key);
  if (!id) return std::nullopt;
  Lease out;
  out.chunk = ChunkId(*id);
  reader >> out.map_base >> out.holder >> out.maker;
  reader.Text(out.name);
  if (reader.left() > 0) reader >> out.granted_by;
  return Finish(reader, std::move(out));
}

void Encode(const Answer& record, std::string& value) {
  Writer writer(value);
  writer << record.order;
  for (const std::uint64_t word : record.words) writer << word;
}

template <>
std::optional<Answer> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const auto numbers = Numbers(key);
  if (!numbers) return std::nullopt;
  Answer out;
  out.session = SessionId(numbers->first);
  out.request = RequestId(numbers->second);
  reader >> out.order;
  for (std::size_t words = reader.left() / sizeof(std::uint64_t); reader.ok() && words > 0;
       --words) {
    std::uint64_t word = 0;
    reader >> word;
    out.words.push_back(word);
  }
  return Finish(reader, std::move(out));
}

void Encode(const LastSession& record, std::string& value) { Writer(value) << record.id; }

template <>
std::optional<LastSession> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  LastSession out;
  reader >> out.id;
  return Finish(reader, out);
}

void Encode(const Identity& record, std::string& value) {
  Writer writer(value);
  writer << record.uid;
  writer.Text(record.host);
}

template <>
std::optional<Identity> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> owner = Number(key);
  if (!owner) return std::nullopt;
  Identity out;
  out.owner = SessionId(*owner);
  reader >> out.uid;
  reader.Text(out.host);
  return Finish(reader, std::move(out));
}

void Encode(const Opened& /*record*/, std::string& value) { const Writer sealed(value); }

template <>
std::optional<Opened> Decode(absl::string_view key, absl::string_view value) {
  const auto numbers = Numbers(key);
  if (!numbers) return std::nullopt;
  return Finish(Reader(key, value),
                Opened{.area = PercpuPtr(numbers->first), .session = SessionId(numbers->second)});
}

void Encode(const Quarantined& record, std::string& value) {
  Writer writer(value);
  writer << record.size << record.maker;
  writer.Text(record.host);
}

template <>
std::optional<Quarantined> Decode(absl::string_view key, absl::string_view value) {
  Reader reader(key, value);
  const std::optional<std::uint64_t> pointer = Number(key);
  if (!pointer) return std::nullopt;
  Quarantined out;
  out.pointer = PercpuPtr(*pointer);
  reader >> out.size >> out.maker;
  reader.Text(out.host);
  return Finish(reader, std::move(out));
}

}  // namespace percpud::catalog
