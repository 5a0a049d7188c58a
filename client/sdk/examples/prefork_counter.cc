// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A prefork server's counter. The parent makes it. Workers count on the copy of the CPU
// they run on, through the mapping they inherited. The first worker is killed: its counts
// stay, its areas are taken back, and the sum is exact.
//
//   prefork_counter --address unix:/run/percpud/percpud.sock --workers 4 --adds 1000000

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "percpu/session.h"

namespace {

struct Flags {
  std::string address;
  int workers = 4;
  std::uint64_t adds = 1'000'000;
};

const char* Name(percpu::Updates updates) {
  switch (updates) {
    case percpu::Updates::kRseq:
      return "restartable sequences, no lock, no call";
    case percpu::Updates::kAtomic:
      return "locked instructions, no call";
    case percpu::Updates::kRpc:
      return "calls to the daemon";
  }
  return "?";
}

int Complain(const char* what, const absl::Status& status) {
  std::fprintf(stderr, "prefork_counter: %s: %s\n", what, status.ToString().c_str());
  return 1;
}

// Runs one worker, with an area that its own session owns, and the counter.
int Work(percpu::Session& session, percpu::Ref<std::uint64_t> requests, std::uint64_t adds,
         int done) {
  const auto scratch = session.client().Allocate({.size_bytes = 4096});
  if (!scratch.ok()) return Complain("allocate", scratch.status());
  // Each count is timed, as a server times its requests: none waits for another process.
  using Clock = std::chrono::steady_clock;
  Clock::duration slowest{};
  Clock::time_point before = Clock::now();
  for (std::uint64_t i = 0; i < adds; ++i) {
    if (!requests.Increment()) return 1;
    const Clock::time_point after = Clock::now();
    slowest = std::max(slowest, after - before);
    before = after;
  }
  const auto id = session.id();
  if (!id.ok()) return Complain("session", id.status());
  std::printf("worker %d, session %llu: counted %llu, the slowest in %lld us\n", getpid(),
              static_cast<unsigned long long>(percpu::Value(*id)),
              static_cast<unsigned long long>(adds),
              static_cast<long long>(
                  std::chrono::duration_cast<std::chrono::microseconds>(slowest).count()));
  std::fflush(stdout);
  const char byte = 0;
  if (write(done, &byte, 1) != 1) return 1;
  pause();
  return 0;
}

bool AwaitAll(int fd, int count) {
  char byte = 0;
  for (int i = 0; i < count; ++i) {
    if (read(fd, &byte, 1) != 1) return false;
  }
  return true;
}

void End(pid_t worker, int signal_number) {
  kill(worker, signal_number);
  waitpid(worker, nullptr, 0);
}

int Run(const Flags& flags) {
  auto session = percpu::Session::Open(flags.address);
  if (!session.ok()) return Complain("open", session.status());
  const auto requests = (*session)->Counter("example/requests");
  if (!requests.ok()) return Complain("counter", requests.status());
  const std::uint64_t before = requests->Sum();
  std::printf("updates by %s\n", Name((*session)->update_mode()));
  std::fflush(stdout);

  int done[2];
  if (pipe(done) != 0) return 1;
  std::vector<pid_t> workers;
  for (int i = 0; i < flags.workers; ++i) {
    const pid_t worker = fork();
    if (worker == 0) {
      close(done[0]);
      _exit(Work(**session, *requests, flags.adds, done[1]));
    }
    workers.push_back(worker);
  }
  close(done[1]);
  // The end of a worker that failed ends the waiting too.
  const bool counted = AwaitAll(done[0], flags.workers);
  std::printf("kill -KILL %d\n", workers.front());
  End(workers.front(), SIGKILL);
  const std::uint64_t expected = static_cast<std::uint64_t>(flags.workers) * flags.adds;
  const std::uint64_t actual = requests->Sum() - before;
  std::printf("expected %llu, actual %llu\n", static_cast<unsigned long long>(expected),
              static_cast<unsigned long long>(actual));
  requests->ForEachCpu([](std::uint32_t cpu, std::uint64_t value) {
    if (value != 0) std::printf("  cpu %u: %llu\n", cpu, static_cast<unsigned long long>(value));
  });
  for (std::size_t i = 1; i < workers.size(); ++i) End(workers[i], SIGTERM);
  return counted && expected == actual ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app{"Prefork workers that count on their own CPUs"};
  Flags flags;
  app.add_option("--address", flags.address, "unix:PATH of the daemon")
      ->required()
      ->envname("PERCPUD_ADDRESS");
  app.add_option("--workers", flags.workers, "Processes (4)")->check(CLI::Range(1, 1000));
  app.add_option("--adds", flags.adds, "Counts of each (1000000)");
  CLI11_PARSE(app, argc, argv);
  return Run(flags);
} catch (const std::exception& error) {
  std::fprintf(stderr, "prefork_counter: %s\n", error.what());
  return 1;
}
