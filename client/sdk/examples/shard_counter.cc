// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One counter, many processes, no contention: a prefork server that counts its requests
// has this shape.
//
//   shard_counter --address unix:/run/percpud/percpud.sock --shards 4 --adds 1000
//
// The parent takes one area and starts a process per shard. Shard k adds to its own unit
// only, the k-th that backs a CPU. The parent waits, sums over all units, and frees the
// area. It exits with 0 if the sum is exact.

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "percpu/client.h"

namespace {

struct Flags {
  std::string address;
  std::uint32_t shards = 4;
  std::uint64_t adds = 1000;
  // Set in a shard's own process.
  std::optional<std::uint32_t> shard;
  std::uint64_t pointer = 0;
};

// Returns the k-th unit that backs a CPU.
absl::StatusOr<percpu::Unit> UnitOfShard(percpu::Client& client, std::uint32_t shard) {
  const auto units = client.ListUnits();
  if (!units.ok()) return units.status();
  std::uint32_t skipped = 0;
  for (const auto& unit : *units) {
    if (unit.cpu.has_value() && skipped++ == shard) return unit.unit;
  }
  return absl::OutOfRangeError(absl::StrCat("shard ", shard, ": there are ", skipped, " CPUs"));
}

absl::Status RunShard(percpu::Client& client, const Flags& flags, std::uint32_t shard) {
  const auto unit = UnitOfShard(client, shard);
  if (!unit.ok()) return unit.status();
  std::cout << "shard " << shard << " adds on unit " << percpu::Value(*unit) << std::endl;
  for (std::uint64_t i = 0; i < flags.adds; ++i) {
    const auto added = client.Add(percpu::Pointer{flags.pointer}, 1, *unit);
    if (!added.ok()) return added.status();
  }
  return absl::OkStatus();
}

// Starts a shard as a new program, not by a fork: gRPC's threads would not survive one.
absl::StatusOr<pid_t> StartShard(const Flags& flags, percpu::Pointer pointer, std::uint32_t shard) {
  std::vector<std::string> arguments = {"shard_counter",
                                        "--address",
                                        flags.address,
                                        "--adds",
                                        absl::StrCat(flags.adds),
                                        "--pointer",
                                        absl::StrCat(percpu::Value(pointer)),
                                        "--shard",
                                        absl::StrCat(shard)};
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, argv.data(), environ);
  if (error != 0) return absl::ErrnoToStatus(error, "starting a shard");
  return pid;
}

// Starts every shard and waits for those that started.
absl::Status RunShards(const Flags& flags, percpu::Pointer pointer) {
  absl::Status status;
  std::vector<pid_t> started;
  for (std::uint32_t shard = 0; shard < flags.shards; ++shard) {
    const auto pid = StartShard(flags, pointer, shard);
    status.Update(pid.status());
    if (pid.ok()) started.push_back(*pid);
  }
  for (const pid_t pid : started) {
    int result = 0;
    waitpid(pid, &result, 0);
    if (result != 0) status.Update(absl::AbortedError(absl::StrCat("shard ", pid, " failed")));
  }
  return status;
}

absl::Status RunParent(percpu::Client& client, const Flags& flags) {
  const auto counter = client.Allocate({.size_bytes = 8}, {.tag = "shard_counter"});
  if (!counter.ok()) return counter.status();
  absl::Status status = RunShards(flags, *counter);
  const auto sum = client.Sum(*counter);
  status.Update(sum.status());
  status.Update(client.Free(*counter).status());
  if (!status.ok()) return status;

  const auto expected = static_cast<std::int64_t>(flags.shards * flags.adds);
  std::cout << flags.shards << " shards: expected " << expected << ", actual " << *sum << '\n';
  if (*sum != expected) return absl::DataLossError("the sum is not exact");
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"Counts in several processes, each on its own unit"};
  app.add_option("--address", flags.address)->required();
  app.add_option("--shards", flags.shards)->check(CLI::Range(1, 4096));
  app.add_option("--adds", flags.adds, "By each shard");
  app.add_option("--shard", flags.shard, "Be this shard of a running parent");
  app.add_option("--pointer", flags.pointer, "The parent's counter");
  CLI11_PARSE(app, argc, argv);

  auto client = percpu::Client::Connect(flags.address);
  absl::Status status = client.status();
  if (status.ok()) {
    status = flags.shard ? RunShard(*client, flags, *flags.shard) : RunParent(*client, flags);
  }
  if (!status.ok()) std::cerr << "shard_counter: " << status << '\n';
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

// The flag parser's exceptions end here; nothing else throws.
int main(int argc, char** argv) try {
  return Main(argc, argv);
} catch (const std::exception& error) {
  std::fputs(error.what(), stderr);
  return EXIT_FAILURE;
}
