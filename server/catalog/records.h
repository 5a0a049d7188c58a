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
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/file_identity.h"
#include "server/base/identity.h"
#include "server/base/units.h"

namespace percpud::catalog {

// The number goes up with every change of a record's encoding. Records of
// kFirstFormat are read too: they lack tables, and fields at their ends.
inline constexpr absl::string_view kFormat = "percpud catalog 2";
inline constexpr absl::string_view kFirstFormat = "percpud catalog 1";

// The one record of table `arena`.
struct Arena {
  // Random; what clients know the arena by.
  std::array<std::uint8_t, 16> id{};
  // It lies nowhere in the arena, which clients may write.
  FileIdentity file;
  // Identifies the running system: no arena is good beyond it.
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
  // A session, or an Identity's number; kNoSession: nobody's, as the areas of
  // variables are.
  SessionId owner = kNoSession;
  // Up to kMaxTagLength bytes.
  absl::string_view tag;
};

// By name.
struct Variable {
  std::string name;
  std::uint8_t type = 0;
  PercpuPtr pointer;
  Bytes size;
  UserId maker = kNobody;
  // The maker's, if it came by TCP.
  std::string host = {};
};

// By id.
struct Session {
  SessionId id;
  Token token{};
  std::uint8_t kind = 0;
  std::uint8_t role = 0;
  bool has_peer = false;
  ProcessId pid;
  // The peer's; for a remote session, its opener's.
  UserId uid = kNobody;
  UserGroupId gid;
  // When the process started, in the kernel's ticks since boot: with the pid it
  // names a process for good.
  std::uint64_t started = 0;
  // Nanoseconds since boot when it was opened.
  std::uint64_t opened_ns = 0;
  // A remote session's time to live; 0: for ever.
  std::uint64_t ttl_ns = 0;
  std::string command;
  // The host of a remote session's opener.
  std::string host = {};
  // Where the pid is the process's number: the inode of that PID namespace; 0: not known.
  std::uint64_t pid_namespace = 0;
};

// By chunk.
struct Lease {
  ChunkId chunk;
  Bytes map_base;
  SessionId holder = kNoSession;
  UserId maker = kNobody;
  std::string name;
  // The holder's request that was answered with the lease.
  RequestId granted_by = kNoRequest;
};

// By owner: an identity that owns areas without a session.
struct Identity {
  // Above all sessions' numbers.
  SessionId owner;
  UserId uid = kNobody;
  std::string host = {};
};

// By area and session: a variable that a session has opened.
struct Opened {
  PercpuPtr area;
  SessionId session;
};

// By pointer: a removed variable's area that sessions still have open.
struct Quarantined {
  PercpuPtr pointer;
  Bytes size;
  UserId maker = kNobody;
  std::string host = {};
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

// By id: whose metrics are scraped together.
struct Namespace {
  NamespaceId id;
  std::string name;
  UserId owner = kNobody;
  // The owner's, if it came by TCP.
  std::string host = {};
  // Members of this group may write to it too.
  std::optional<UserGroupId> group = std::nullopt;
  // Goes up by one when the namespace is reset.
  std::uint64_t generation = 1;
  std::uint64_t created_ns = 0;
};

// By id.
struct Family {
  FamilyId id;
  NamespaceId name_space;
  // The namespace's, when it was made.
  std::uint64_t generation = 0;
  std::uint64_t created_ns = 0;
  std::uint32_t max_series = 0;
  std::uint32_t ttl_seconds = 0;
  std::uint8_t type = 0;
  std::uint8_t cells = 0;
  std::uint8_t fold = 0;
  bool live_only = false;
  // Another family has taken its name.
  bool replaced = false;
  // Sessions up to this one may still write to the cells of a replaced one.
  SessionId last_writer = kNoSession;
  // Openings that wanted another shape, and series that found it full.
  std::uint64_t refused = 0;
  std::uint64_t overflowed = 0;
  std::string name;
  std::string help = {};
  std::string unit = {};
  std::vector<std::string> labels = {};
  std::vector<double> bounds = {};
};

// By pointer: an area that is cut into the cells of one family's series.
struct SeriesBlock {
  PercpuPtr pointer;
  FamilyId family;
};

// By id.
struct Series {
  SeriesId id;
  FamilyId family;
  PercpuPtr cells;
  // When it was made, reset or hidden last.
  std::uint64_t created_ns = 0;
  bool hidden = false;
  // The family's overflow series.
  bool overflow = false;
  // Nobody finds it any more.
  bool retired = false;
  // Sessions up to this one may still write to the cells of a hidden or retired one.
  SessionId last_writer = kNoSession;
  // Each behind its length.
  std::string values = {};
  // Two words a cell, what readers subtract: none, or those of all cells.
  std::vector<std::uint64_t> baseline = {};
};

// By namespace and session: the session may have any series of the namespace open.
struct Joined {
  NamespaceId name_space;
  SessionId session;
};

// By id: who sets gauges in cells of its own.
struct MetricWriter {
  WriterId id;
  NamespaceId name_space;
  SessionId session;
  // Its number among the namespace's writers; kNoSlot if it asked for none.
  std::uint32_t slot = 0;
  std::string label = {};
};

// By pointer: an area that is cut into a writer's cells.
struct WriterBlock {
  PercpuPtr pointer;
  WriterId writer;
};

// By series and writer: a live writer's cell, or what a dead one has left. Writer 0 stands
// for all the dead of a series whose cells are folded.
struct SeriesWriter {
  SeriesId series;
  WriterId writer;
  // In unit 0; null if the writer is dead.
  PercpuPtr cell;
  std::uint32_t unit = 0;
  // What the writer left; a live one has not.
  double value = 0;
  double timestamp = 0;
  // Nanoseconds since boot when the writer died.
  std::uint64_t died_ns = 0;
  // A dead writer's label; the living have theirs with the writer.
  std::string label = {};
};

// The highest number that a namespace, family, series or writer was given, and the number
// of the last change of any.
struct LastMetric {
  std::uint64_t id = 0;
  std::uint64_t revision = 0;
};

// Everything but the areas, which may be too many to hold twice.
struct Contents {
  // It is of kFirstFormat.
  bool is_first_format = false;
  Arena arena;
  SessionId last_session = kNoSession;
  std::vector<Chunk> chunks;
  std::vector<Variable> variables;
  std::vector<Session> sessions;
  std::vector<Lease> leases;
  std::vector<Answer> answers;
  std::vector<Identity> identities;
  std::vector<Opened> opened;
  std::vector<Quarantined> quarantined;
  std::vector<Namespace> namespaces;
  std::vector<Family> families;
  std::vector<SeriesBlock> blocks;
  std::vector<Series> series;
  std::vector<Joined> joined;
  std::vector<MetricWriter> writers;
  std::vector<WriterBlock> writer_blocks;
  std::vector<SeriesWriter> series_writers;
  LastMetric last_metric;
  std::uint64_t areas = 0;
};

// Takes one area, of `of` in all. Returns false if there cannot be such an area.
using OnArea = std::function<bool(const Area& area, std::size_t of)>;

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_RECORDS_H_
