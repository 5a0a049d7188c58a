// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_COMMON_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_COMMON_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/report.h"
#include "percpu/client.h"

// What several commands share.
namespace percpu::cli {

// Adds a command below the root, or a verb below a noun. It is here because a
// file that makes a CLI::App compiles all of CLI11.
CLI::App* AddCommand(CLI::App& parent, const char* name, const char* summary);
// Adds a command without arguments of its own.
Command AddPlain(CLI::App& parent, const char* name, const char* summary, const char* details,
                 std::function<absl::StatusOr<Report>(Context&)> run);
// Adds a noun, whose verbs are added below it.
CLI::App& AddNoun(CLI::App& root, const char* name, const char* summary);

// Adds --width 32|64; `bits` starts as the default, 0 for that of the target.
void AddWidthOption(CLI::App& parser, std::uint32_t& bits);
// Adds --unit N.
void AddUnitOption(CLI::App& parser, std::optional<std::uint32_t>& unit, const char* text);
// Adds --count N, which ends what goes on for ever; `most` starts as 0, no limit.
void AddStopOption(CLI::App& parser, std::uint64_t& most, const char* help);

// Adds --alignment, with --align as its older name.
void AddAlignmentOption(CLI::App& parser, std::uint32_t& alignment);
// What alloc and estimate share: --alignment and --region.
struct PlacementOptions {
  std::uint32_t alignment = 8;
  std::string region = "dynamic";
};
void AddPlacementOptions(CLI::App& parser, PlacementOptions& options);
Region ToRegion(const std::string& name);

// The count that an optional number or id has.
template <typename T>
Value OrAbsent(const std::optional<T>& number) {
  return number ? Value(Count{static_cast<std::uint64_t>(*number)}) : Value(Absent{});
}

// "counter", "gauge", "histogram" or "bytes".
std::string VariableTypeName(VariableType type);

// Sizes, layout and waste.
Fields AllocInfoFields(const AllocInfo& info);

// A row per session.
Table SessionTable(const std::vector<SessionInfo>& sessions);

std::string ChunkKindName(ChunkKind kind);
// Lists all chunks. The room of a leased one is its holder's to know: what the
// holder's map says of it takes the place of what the daemon's does.
absl::StatusOr<std::vector<ChunkInfo>> ListChunks(Client& client);
// Everything there is to say about a chunk.
Fields ChunkFields(const ChunkInfo& chunk);
// The same, a row per chunk. A table shows the keys that `headings` names, under
// those headings.
using Headings = std::map<std::string, std::string>;
Table ChunkTable(const std::vector<ChunkInfo>& chunks, const Headings& headings);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_COMMON_H_
