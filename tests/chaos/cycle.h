// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_CYCLE_H_
#define PERCPUD_TESTS_CHAOS_CYCLE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/time/time.h"
#include "tests/chaos/processes.h"
#include "tests/chaos/site.h"
#include "tests/chaos/trouble.h"

namespace percpu::chaos {

// A daemon and its clients at work. A cycle makes one trouble and has all recover from
// it; a rest holds what the daemon knows against what the clients were told.
class Cycles {
 public:
  Cycles(Site& site, const std::string& backend, std::uint32_t seed);

  // Starts daemon and clients.
  bool Begin();
  // False if they did not recover.
  bool Run(const Trouble& trouble);
  // Brings everybody to rest, compares, and lets them go on. False if they do not.
  bool Rest();
  // Ends clients and daemon in peace.
  void End();

  [[nodiscard]] const Daemon& daemon() const { return daemon_; }
  // Ends that a shortage of memory or of tasks explains.
  [[nodiscard]] std::uint64_t excused_ends() const { return excused_ends_; }

 private:
  // Waits until the moment has come, or a while has passed without it.
  void Await(const Trouble& trouble, std::size_t slot);
  void AwaitDaemons(Moment moment);
  void AwaitClients(Moment moment, std::size_t slot);
  void Do(const Trouble& trouble, std::size_t slot);
  void Freeze(const Trouble& trouble, std::size_t slot);
  void Starve(const Trouble& trouble, std::size_t slot);
  void StepClock(const Trouble& trouble);
  void DieAtAFaultPoint();
  void RestartDaemon();
  // Ends what the trouble has begun, and has everybody back. False if they stand still.
  bool Recover(const Trouble& trouble);
  // Starts clients that have ended anew.
  void Replace();
  // Starts a daemon anew that has ended of its shortage since.
  void ReplaceStarvedDaemon();
  bool Progress();
  void SayWhereItStands(std::size_t slot);

  [[nodiscard]] std::size_t ChooseSlot(const Trouble& trouble);
  void PauseUpTo(absl::Duration most);
  Shadow& shadow() { return site_.shadow(); }

  Site& site_;
  std::mt19937 random_;
  Daemon daemon_;
  std::array<std::unique_ptr<ClientProcess>, kSlots> clients_;
  std::uint32_t rests_ = 0;
  // The client of this cycle that was short of memory or tasks, and may end of it.
  std::optional<std::size_t> starved_;
  // The daemon was, in this cycle.
  bool is_daemon_starved_ = false;
  std::uint64_t excused_ends_ = 0;
};

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_CYCLE_H_
