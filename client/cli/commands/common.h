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

// Below the root. Here, because whoever makes a CLI::App compiles all of CLI11.
CLI::App* AddCommand(CLI::App& root, const char* name, const char* summary);
// A command without arguments of its own.
Command AddPlain(CLI::App& root, const char* name, const char* summary, const char* details,
                 std::function<absl::StatusOr<Report>(Session&)> run);

// A verb below a command, as end is below session. The command is run as its
// verb is; whoever writes it without one is told.
CLI::App* AddVerb(CLI::App& parser, const char* name, const char* summary);

// The positional PTR of a command.
void AddPointerArgument(CLI::App& parser, std::uint64_t& pointer, const char* help);
// --width 32|64; `bits` starts as the default.
void AddWidthOption(CLI::App& parser, std::uint32_t& bits);
Width ToWidth(std::uint32_t bits);

// --align and --region, which alloc and estimate share.
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
// Everything there is to say about a chunk.
Fields ChunkFields(const ChunkInfo& chunk);
// The same, a row per chunk. A table shows the keys that `headings` names, and
// calls them so.
using Headings = std::map<std::string, std::string>;
Table ChunkTable(const std::vector<ChunkInfo>& chunks, const Headings& headings);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_COMMON_H_
