// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_PROCESSES_H_
#define PERCPUD_TESTS_CHAOS_PROCESSES_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "tests/chaos/shadow.h"
#include "tests/chaos/site.h"
#include "tests/support/process.h"

namespace percpu::chaos {

// The daemon, whose starts are judged.
class Daemon {
 public:
  Daemon(Site& site, std::string backend) : site_(site), backend_(std::move(backend)) {}

  // Begins a start, without waiting for it. `fault` is a place to die at, of the binary
  // that has such places; empty for none.
  void Begin(const std::string& fault = {});
  // Waits until it is ready, and begins it again as often as it takes: it ends if it is
  // killed or starved in its start. Reports a start that is not warm.
  bool Ensure();
  void Kill();
  void Signal(int number) { process_->Kill(number); }
  // Whether it ends by itself in time. Its status is in exit_status().
  bool AwaitEnd(absl::Duration patience);
  [[nodiscard]] bool ended();
  [[nodiscard]] int exit_status() const { return exit_status_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  [[nodiscard]] std::string log() const { return process_->err(); }
  [[nodiscard]] std::uint64_t starts() const { return starts_; }
  [[nodiscard]] std::uint64_t refused_starts() const { return refused_starts_; }

 private:
  void JudgeStart();

  Site& site_;
  const std::string backend_;
  std::optional<percpud::testing::Process> process_;
  int exit_status_ = 0;
  bool judged_ = false;
  bool has_data_ = false;
  std::uint64_t starts_ = 0;
  std::uint64_t refused_starts_ = 0;
};

// A client of a slot.
class ClientProcess {
 public:
  ClientProcess(Site& site, std::size_t slot) : site_(site), slot_(slot) {}

  void Start(std::uint32_t seed);
  // Kills it: what it owned may be anybody's from now on.
  void Kill();
  void Signal(int number) { process_->Kill(number); }
  // Tells it to end of its own accord.
  void Retire() { desk().retire = true; }
  // Whether it has ended, in which case it is laid to rest, too. Reports an end that
  // was neither asked for nor `excused`.
  bool Ended(bool excused);
  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  // It is short of memory or tasks from here on.
  void NoteStarvation() { was_starved_ = true; }
  // What it has said on standard error.
  [[nodiscard]] std::string words() const { return process_->err(); }
  [[nodiscard]] Desk& desk() { return site_.shadow().desks.at(slot_); }

 private:
  void LayToRest();

  Site& site_;
  const std::size_t slot_;
  std::optional<percpud::testing::Process> process_;
  bool was_starved_ = false;
};

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_PROCESSES_H_
