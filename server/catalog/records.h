// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the catalog knows: a table per kind, a struct per record. Kinds, roles
// and types are numbers here; the layers that give them a meaning check them
// when they read them back.

#ifndef PERCPUD_SERVER_CATALOG_RECORDS_H_
#define PERCPUD_SERVER_CATALOG_RECORDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/file_identity.h"
#include "server/base/identity.h"
#include "server/base/units.h"

namespace percpud::catalog {

// The number goes up with every change of a record's encoding.
inline constexpr absl::string_view kFormat = "percpud catalog 1";

// The one record of table `arena`.
struct Arena {
  // Random; what clients know the arena by.
  std::array<std::uint8_t, 16> id{};
  // Nothing of it lies in the arena, which clients may write.
  FileIdentity file;
  // Of the running system: no arena is good beyond it.
  std::string boot_id;
  // How chunks are laid out, as "name=value" lines. Another text is another
  // layout.
  std::string layout;
  // Goes up by one with every daemon that takes the arena over.
  std::uint64_t epoch = 1;
};

// By id.
struct Chunk {
  ChunkId id;
  Bytes base;
  Order order;
};

// By pointer.
struct Area {
  PercpuPtr pointer;
  Granules size;
  // log2 of the bytes.
  std::uint8_t alignment = 0;
  // kNoSession: nobody's, as the areas of variables are.
  SessionId owner = kNoSession;
  // Of up to kMaxTagLength.
  absl::string_view tag;
};

// By name.
struct Variable {
  std::string name;
  std::uint8_t type = 0;
  PercpuPtr pointer;
  Bytes size;
  UserId maker;
};

// By id.
struct Session {
  SessionId id;
  Token token{};
  std::uint8_t kind = 0;
  std::uint8_t role = 0;
  bool has_peer = false;
  ProcessId pid;
  UserId uid;
  UserGroupId gid;
  // When the process started, in the kernel's ticks since boot: with the pid it
  // names a process for good.
  std::uint64_t started = 0;
  std::uint64_t opened_ns = 0;
  // Of a remote one; 0: for ever.
  std::uint64_t ttl_ns = 0;
  std::string command;
};

// By chunk.
struct Lease {
  ChunkId chunk;
  Bytes map_base;
  SessionId holder = kNoSession;
  UserId maker;
  std::string name;
};

// By session and request: what was answered to a request that may come again.
struct Answer {
  SessionId session;
  RequestId request;
  // Grows with every answer of a session; the least is forgotten first.
  std::uint64_t order = 0;
  std::vector<std::uint64_t> words;
};

// The highest session id that was given out: none is given twice.
struct LastSession {
  SessionId id = kNoSession;
};

// Everything but the areas, which may be too many to hold twice.
struct Contents {
  Arena arena;
  SessionId last_session = kNoSession;
  std::vector<Chunk> chunks;
  std::vector<Variable> variables;
  std::vector<Session> sessions;
  std::vector<Lease> leases;
  std::vector<Answer> answers;
  std::uint64_t areas = 0;
};

// Takes one area of so many; false if it cannot be.
using OnArea = std::function<bool(const Area& area, std::size_t of)>;

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_RECORDS_H_
