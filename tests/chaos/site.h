// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_SITE_H_
#define PERCPUD_TESTS_CHAOS_SITE_H_

#include <sys/types.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/chaos/shadow.h"
#include "tests/support/process.h"

namespace percpu::chaos {

// The place where it all happens: a folder with a small tmpfs, the clocks, the shadow.
class Site {
 public:
  // Mounts the tmpfs where that may be done, in a mount namespace of this process.
  Site();

  [[nodiscard]] std::string address() const { return "unix:" + dir_.path() + "/s"; }
  // Holds arena and catalog.
  [[nodiscard]] std::string disk() const { return dir_.path() + "/disk"; }
  [[nodiscard]] bool has_own_disk() const { return has_own_disk_; }
  [[nodiscard]] std::string shadow_path() const { return dir_.path() + "/shadow"; }
  [[nodiscard]] Shadow& shadow() { return *shadow_; }

  // Takes all of the disk but a little. Given back by Relieve.
  void FillDisk(std::uint64_t leave_bytes);
  void RelieveDisk();
  // Sets the hour of the daemon's, or of the clients', world.
  void StepClock(bool of_daemon, std::int64_t nanoseconds);
  // The environment that has a program live by that hour.
  [[nodiscard]] std::vector<std::string> Environment(bool of_daemon) const;

 private:
  [[nodiscard]] std::string HourPath(bool of_daemon) const;

  percpud::testing::TempDir dir_;
  bool has_own_disk_ = false;
  Shadow* shadow_ = nullptr;
};

// What a process can be short of.
enum class Shortage { kDescriptors, kMemory, kTasks, kDisk };

// Has the process run short, and relieves it again. One at a time.
class Starvation {
 public:
  Starvation(Site& site, pid_t pid, Shortage of, std::mt19937& random);
  ~Starvation();
  Starvation(const Starvation&) = delete;
  Starvation& operator=(const Starvation&) = delete;

 private:
  void LimitTasks(std::uint64_t more);

  Site& site_;
  const pid_t pid_;
  const Shortage of_;
  // The control group that bounds tasks; empty if there is none.
  std::string group_;
};

// Whether tasks can be bounded here.
bool TasksCanBeBounded();

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_SITE_H_
