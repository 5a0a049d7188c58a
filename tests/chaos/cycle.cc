// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/cycle.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/chaos/stacks.h"

namespace percpu::chaos {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(90);
// A moment that does not come is not waited for.
constexpr absl::Duration kMomentLimit = absl::Seconds(1);
constexpr std::uint64_t kStepsOfACycle = 60;
// gRPC waits for ever for a thread that could not be made: a client that was short of
// tasks may stand still, and is then ended.
constexpr absl::Duration kStarvedPatience = absl::Seconds(10);

template <typename Condition>
bool AwaitThat(Condition condition, absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Microseconds(200));
  }
  return true;
}

Stage StageOf(Moment moment) {
  switch (moment) {
    case Moment::kAdmission:
      return Stage::kAdmission;
    case Moment::kEnd:
      return Stage::kEnd;
    default:
      return Stage::kCommit;
  }
}

Shortage ShortageOf(Deed deed) {
  switch (deed) {
    case Deed::kDescriptors:
      return Shortage::kDescriptors;
    case Deed::kMemory:
      return Shortage::kMemory;
    case Deed::kTasks:
      return Shortage::kTasks;
    default:
      return Shortage::kDisk;
  }
}

// Neither the system's libraries nor gRPC go on without these.
bool MayEndIt(Deed deed) { return deed == Deed::kMemory || deed == Deed::kTasks; }

}  // namespace

Cycles::Cycles(Site& site, const std::string& backend, std::uint32_t seed)
    : site_(site), random_(seed), daemon_(site, backend) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    clients_.at(slot) = std::make_unique<ClientProcess>(site, slot);
  }
}

bool Cycles::Begin() {
  if (!daemon_.Ensure()) return false;
  for (const auto& client : clients_) client->Start(static_cast<std::uint32_t>(random_()));
  return Progress();
}

bool Cycles::Run(const Trouble& trouble) {
  const std::size_t slot = ChooseSlot(trouble);
  Await(trouble, slot);
  Do(trouble, slot);
  return Recover(trouble);
}

std::size_t Cycles::ChooseSlot(const Trouble& trouble) {
  const bool brief = trouble.moment == Moment::kAdmission || trouble.moment == Moment::kEnd;
  return brief && random_() % 2 == 0 ? kCommuter : random_() % kSlots;
}

void Cycles::PauseUpTo(absl::Duration most) {
  absl::SleepFor(most * (static_cast<double>(random_() % 1000) / 1000));
}

void Cycles::Await(const Trouble& trouble, std::size_t slot) {
  if (trouble.who == Who::kDaemon) {
    AwaitDaemons(trouble.moment);
  } else {
    AwaitClients(trouble.moment, slot);
  }
}

void Cycles::AwaitDaemons(Moment moment) {
  switch (moment) {
    case Moment::kStart:
      daemon_.Kill();
      daemon_.Begin();
      return PauseUpTo(absl::Milliseconds(120));
    case Moment::kResume:
      RestartDaemon();
      return PauseUpTo(absl::Milliseconds(5));
    case Moment::kEnd:
      daemon_.Signal(SIGTERM);
      return PauseUpTo(absl::Milliseconds(10));
    case Moment::kAdmission:
    case Moment::kCommit: {
      const auto has_come = [&] {
        return std::any_of(clients_.begin(), clients_.end(), [&](const auto& client) {
          return client->desk().stage == StageOf(moment);
        });
      };
      AwaitThat(has_come, kMomentLimit);
      return PauseUpTo(absl::Milliseconds(2));
    }
  }
}

void Cycles::AwaitClients(Moment moment, std::size_t slot) {
  ClientProcess& client = *clients_.at(slot);
  switch (moment) {
    case Moment::kStart:
      client.Kill();
      client.Start(static_cast<std::uint32_t>(random_()));
      return PauseUpTo(absl::Milliseconds(50));
    case Moment::kResume:
      RestartDaemon();
      return PauseUpTo(absl::Milliseconds(5));
    case Moment::kAdmission:
      if (slot != kCommuter) {
        client.Kill();
        client.Start(static_cast<std::uint32_t>(random_()));
      }
      break;
    case Moment::kEnd:
      if (slot != kCommuter) client.Retire();
      break;
    case Moment::kCommit:
      break;
  }
  AwaitThat([&] { return client.desk().stage == StageOf(moment); }, kMomentLimit);
  PauseUpTo(absl::Milliseconds(2));
}

void Cycles::RestartDaemon() {
  daemon_.Kill();
  // Now and then it is away for a while.
  if (random_() % 4 == 0) PauseUpTo(absl::Milliseconds(600));
  daemon_.Begin();
  daemon_.Ensure();
}

void Cycles::Do(const Trouble& trouble, std::size_t slot) {
  const bool of_daemon = trouble.who == Who::kDaemon;
  switch (trouble.deed) {
    case Deed::kKill:
      if (of_daemon) return daemon_.Kill();
      clients_.at(slot)->Kill();
      return clients_.at(slot)->Start(static_cast<std::uint32_t>(random_()));
    case Deed::kTerminate:
      return daemon_.Signal(SIGTERM);
    case Deed::kFreeze:
      return Freeze(trouble, slot);
    case Deed::kDescriptors:
    case Deed::kMemory:
    case Deed::kTasks:
    case Deed::kDisk:
      return Starve(trouble, slot);
    case Deed::kClock:
      return StepClock(trouble);
    case Deed::kFaultPoint:
      return DieAtAFaultPoint();
  }
}

void Cycles::Freeze(const Trouble& trouble, std::size_t slot) {
  const bool of_daemon = trouble.who == Who::kDaemon;
  ClientProcess& client = *clients_.at(slot);
  of_daemon ? daemon_.Signal(SIGSTOP) : client.Signal(SIGSTOP);
  if (!of_daemon && random_() % 2 == 0) RestartDaemon();
  PauseUpTo(absl::Milliseconds(700));
  of_daemon ? daemon_.Signal(SIGCONT) : client.Signal(SIGCONT);
}

void Cycles::Starve(const Trouble& trouble, std::size_t slot) {
  const bool of_daemon = trouble.who == Who::kDaemon;
  ClientProcess& client = *clients_.at(slot);
  const bool may_end = MayEndIt(trouble.deed);
  is_daemon_starved_ = of_daemon && may_end;
  if (!of_daemon && may_end) {
    client.desk().doomed = true;
    client.NoteStarvation();
    starved_ = slot;
  }
  const pid_t pid = of_daemon ? daemon_.pid() : client.pid();
  {
    const Starvation starvation(site_, pid, ShortageOf(trouble.deed), random_);
    PauseUpTo(absl::Milliseconds(300));
    // What happens to it meanwhile happens to a starving one.
    if (trouble.deed == Deed::kDisk && random_() % 2 == 0 && trouble.moment != Moment::kEnd) {
      RestartDaemon();
      PauseUpTo(absl::Milliseconds(100));
    }
  }
}

void Cycles::StepClock(const Trouble& trouble) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::array<std::int64_t, 6> kAhead = {0,
                                                  5 * kSecond,
                                                  -5 * kSecond,
                                                  3600 * kSecond,
                                                  -3600 * kSecond,
                                                  std::int64_t{86400} * 365 * kSecond};
  site_.StepClock(trouble.who == Who::kDaemon, kAhead.at(random_() % kAhead.size()));
}

void Cycles::DieAtAFaultPoint() {
  daemon_.Kill();
  daemon_.Begin(
      absl::StrCat(random_() % 2 == 0 ? "before" : "after", "-commit:", 1 + random_() % 150));
  static_cast<void>(daemon_.AwaitEnd(absl::Seconds(5)));
}

bool Cycles::Recover(const Trouble& trouble) {
  const bool of_daemon = trouble.who == Who::kDaemon;
  const bool asked_to_end =
      of_daemon && (trouble.moment == Moment::kEnd || trouble.deed == Deed::kTerminate);
  if (asked_to_end && !daemon_.AwaitEnd(kPatience)) {
    shadow().Report(Fault::kBroken, "the daemon does not end: " + daemon_.log());
    daemon_.Kill();
  }
  const bool may_end = of_daemon && (trouble.deed == Deed::kKill ||
                                     trouble.deed == Deed::kFaultPoint || MayEndIt(trouble.deed));
  // One that was starved in its start may have refused to.
  const bool may_refuse = trouble.moment == Moment::kStart && daemon_.ended() &&
                          (daemon_.exit_status() == 1 || daemon_.exit_status() == 75);
  if (daemon_.ended() && !may_end && !asked_to_end && !may_refuse) {
    shadow().Report(Fault::kBroken,
                    absl::StrCat("after ", NameOf(trouble), " the daemon ended with ",
                                 daemon_.exit_status(), ": ", daemon_.log()));
  }
  if (is_daemon_starved_ && daemon_.ended()) ++excused_ends_;
  if (!daemon_.Ensure() || !Progress()) return false;
  if (starved_) clients_.at(*starved_)->desk().doomed = false;
  starved_.reset();
  is_daemon_starved_ = false;
  return true;
}

// What a shortage ends may take a while to end.
void Cycles::ReplaceStarvedDaemon() {
  if (!is_daemon_starved_ || !daemon_.ended()) return;
  is_daemon_starved_ = false;
  ++excused_ends_;
  daemon_.Ensure();
}

void Cycles::Replace() {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const bool is_excused = slot == starved_;
    if (!clients_.at(slot)->Ended(is_excused)) continue;
    excused_ends_ += is_excused ? 1 : 0;
    clients_.at(slot)->Start(static_cast<std::uint32_t>(random_()));
  }
}

bool Cycles::Progress() {
  std::array<std::uint64_t, kSlots> steps{};
  for (std::size_t slot = 0; slot < kSlots; ++slot) steps.at(slot) = shadow().desks.at(slot).steps;
  const auto went_on = [&](std::size_t slot) {
    return shadow().desks.at(slot).steps >= steps.at(slot) + kStepsOfACycle / kSlots;
  };
  absl::Time give_up_starved = absl::Now() + kStarvedPatience;
  const auto all_went_on = [&] {
    ReplaceStarvedDaemon();
    Replace();
    if (starved_ && absl::Now() > give_up_starved && !went_on(*starved_)) {
      clients_.at(*starved_)->Kill();
      // The next one has its time again.
      give_up_starved = absl::InfiniteFuture();
    }
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (!went_on(slot)) return false;
    }
    return true;
  };
  if (AwaitThat(all_went_on, kPatience)) return true;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (!went_on(slot)) SayWhereItStands(slot);
  }
  std::fprintf(stderr, "the daemon, process %d:\n%s", daemon_.pid(),
               StacksOf(daemon_.pid()).c_str());
  shadow().Report(Fault::kBroken, "somebody stands still: " + daemon_.log());
  return false;
}

void Cycles::SayWhereItStands(std::size_t slot) {
  const ClientProcess& client = *clients_.at(slot);
  std::fprintf(stderr, "client %zu, process %d, stands still at stage %u:\n%s%s", slot,
               client.pid(), static_cast<unsigned>(shadow().desks.at(slot).stage.load()),
               client.words().c_str(), StacksOf(client.pid()).c_str());
}

bool Cycles::Rest() {
  const std::uint32_t rest = ++rests_;
  shadow().rest = rest;
  const auto all_rest = [&] {
    Replace();
    return std::all_of(clients_.begin(), clients_.end(),
                       [&](const auto& client) { return client->desk().rested == rest; });
  };
  const bool came = AwaitThat(all_rest, kPatience);
  if (came) {
    const auto result = percpud::testing::RunToEnd(
        {std::filesystem::canonical("/proc/self/exe").string(), "--audit", "--shadow",
         site_.shadow_path(), "--address", site_.address()});
    std::fputs(result.ok() ? result->err.c_str() : "the audit did not end\n", stderr);
    if (!result.ok() || result->exit_code != 0) {
      shadow().Report(Fault::kBroken, "the audit could not be made");
    }
  } else {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (clients_.at(slot)->desk().rested != rest) SayWhereItStands(slot);
    }
    shadow().Report(Fault::kBroken, "somebody does not come to rest");
  }
  shadow().rest = 0;
  return came && Progress();
}

void Cycles::End() {
  for (const auto& client : clients_) client->Retire();
  for (const auto& client : clients_) {
    if (!AwaitThat([&] { return client->Ended(/*excused=*/false); }, kPatience)) {
      shadow().Report(Fault::kBroken, "a client does not end");
    }
  }
  daemon_.Signal(SIGTERM);
  if (!daemon_.AwaitEnd(kPatience) || daemon_.exit_status() != 0) {
    shadow().Report(Fault::kBroken, "the daemon does not end in peace: " + daemon_.log());
  }
}

}  // namespace percpu::chaos
