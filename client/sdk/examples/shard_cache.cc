// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A shard's state that outlives the shard: a kept heap, opened by name. The first run finds
// it cold and fills it. Each later run finds it warm, however the last one ended.
//
//   shard_cache --address unix:/run/percpud/percpud.sock --shard 0

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

#include "percpu/session.h"

namespace {

// The root of the kept heap. This program lays it out, and finds it again.
struct Root {
  std::uint64_t runs;
  std::uint64_t entries;
};

int Complain(const char* what, const absl::Status& status) {
  std::fprintf(stderr, "shard_cache: %s: %s\n", what, status.ToString().c_str());
  return 1;
}

int Run(const std::string& address, int shard) {
  auto session = percpu::Session::Open(address);
  if (!session.ok()) return Complain("open", session.status());
  auto kept = (*session)->OpenKeptHeap("shard-" + std::to_string(shard) + "/cache");
  if (!kept.ok()) return Complain("kept heap", kept.status());
  percpu::Pointer root = kept->adoption.root;
  if (kept->adoption.is_warm && root != percpu::kNull) {
    std::printf("warm: %zu areas live\n", kept->adoption.live.size());
  } else {
    std::printf("cold: %s\n", kept->adoption.reason.ToString().c_str());
    const auto made = kept->heap->Allocate(sizeof(Root));
    if (!made.ok()) return Complain("root", made.status());
    root = *made;
    if (absl::Status status = kept->heap->SetRoot(root); !status.ok()) {
      return Complain("root", status);
    }
  }
  // There is one writer, on whatever CPU it runs, so unit 0's copy is enough.
  const percpu::Unit unit{0};
  const percpu::ShardRef<std::uint64_t> runs((*session)->mapping(), root, unit);
  const percpu::ShardRef<std::uint64_t> entries((*session)->mapping(),
                                                root + offsetof(Root, entries), unit);
  for (int i = 0; i < 100; ++i) {
    if (!kept->heap->Allocate(64).ok()) break;
    entries.Increment();
  }
  runs.Increment();
  std::printf("run %llu, %llu entries\n", static_cast<unsigned long long>(runs.Load()),
              static_cast<unsigned long long>(entries.Load()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app{"A shard's cache in a kept lease"};
  std::string address;
  int shard = 0;
  app.add_option("--address", address, "unix:PATH of the daemon")
      ->required()
      ->envname("PERCPUD_ADDRESS");
  app.add_option("--shard", shard, "Which shard (0)");
  CLI11_PARSE(app, argc, argv);
  return Run(address, shard);
} catch (const std::exception& error) {
  std::fprintf(stderr, "shard_cache: %s\n", error.what());
  return 1;
}
