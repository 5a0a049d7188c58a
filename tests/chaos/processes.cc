// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/processes.h"

#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/chaos/client.h"

namespace percpu::chaos {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::Process;

constexpr absl::Duration kPatience = absl::Seconds(60);

}  // namespace

void Daemon::Begin(const std::string& fault) {
  std::vector<std::string> environment = site_.Environment(/*of_daemon=*/true);
  if (!fault.empty()) environment.push_back("PERCPUD_FAULT=" + fault);
  process_.reset();
  site_.shadow().NoteStart();
  auto process =
      Process::Spawn({BinaryPath(fault.empty() ? "percpud" : "percpud_faulty"), "--listen",
                      site_.address(), "--arena", absl::StrCat("file:", site_.disk(), "/arena"),
                      "--arena-size", absl::StrCat(kArenaBytes), "--backend", backend_,
                      "--resume-window", absl::StrCat(kResumeSeconds, "s")},
                     environment);
  if (!process.ok()) {
    site_.shadow().Report(Fault::kBroken, process.status().ToString());
    return;
  }
  process_.emplace(*std::move(process));
  judged_ = false;
  ++starts_;
}

bool Daemon::Ensure() {
  const absl::Time deadline = absl::Now() + kPatience;
  while (absl::Now() < deadline) {
    if (!process_.has_value() || ended()) Begin();
    if (process_->WaitForLine("percpud: ready", kPatience).ok()) {
      JudgeStart();
      return true;
    }
    if (ended() && exit_status_ == 1) ++refused_starts_;
  }
  site_.shadow().Report(Fault::kBroken, "the daemon does not start: " + log());
  return false;
}

// What is said of a start may come after the word that it is ready.
void Daemon::JudgeStart() {
  if (judged_) return;
  judged_ = true;
  const absl::Time deadline = absl::Now() + kPatience;
  while (!absl::StrContains(log(), "start is ") && absl::Now() < deadline && !ended()) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  if (has_data_ && absl::StrContains(log(), "start is cold")) {
    site_.shadow().Report(Fault::kLost, "a start is cold: " + log());
  }
  has_data_ = true;
}

void Daemon::Kill() {
  process_->Kill(SIGKILL);
  if (!AwaitEnd(kPatience)) site_.shadow().Report(Fault::kBroken, "a killed daemon goes on");
}

bool Daemon::AwaitEnd(absl::Duration patience) {
  const auto status = process_->Wait(patience);
  if (status.ok()) exit_status_ = *status;
  return status.ok();
}

bool Daemon::ended() { return AwaitEnd(absl::ZeroDuration()); }

void ClientProcess::Start(std::uint32_t seed) {
  desk().retire = false;
  was_starved_ = false;
  desk().stage = Stage::kNone;
  auto process = Process::Spawn(
      {std::filesystem::canonical("/proc/self/exe").string(), "--client", absl::StrCat(slot_),
       "--shadow", site_.shadow_path(), "--address", site_.address(), "--seed", absl::StrCat(seed)},
      site_.Environment(/*of_daemon=*/false));
  if (!process.ok()) {
    site_.shadow().Report(Fault::kBroken, process.status().ToString());
    return;
  }
  process_.emplace(*std::move(process));
}

void ClientProcess::Kill() {
  desk().doomed = true;
  process_->Kill(SIGKILL);
  static_cast<void>(process_->Wait(kPatience));
  LayToRest();
}

bool ClientProcess::Ended(bool excused) {
  const auto status = process_->Wait(absl::ZeroDuration());
  if (!status.ok()) return false;
  const bool lacks_threads = *status == kLacksThreads && was_starved_;
  if (*status != 0 && *status != kMayNotWrite && !lacks_threads && !excused) {
    site_.shadow().Report(Fault::kBroken,
                          absl::StrCat("client ", slot_, " has ended with ", *status));
  }
  LayToRest();
  return true;
}

void ClientProcess::LayToRest() {
  std::fputs(process_->err().c_str(), stderr);
  site_.shadow().Condemn(desk().life);
  desk().doomed = false;
  desk().held = 0;
  desk().uncertain = 0;
  desk().session = 0;
  desk().stage = Stage::kNone;
}

}  // namespace percpu::chaos
