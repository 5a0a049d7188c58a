// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/trouble.h"

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace percpu::chaos {
namespace {

constexpr std::array<absl::string_view, 9> kDeeds = {"kill",        "terminate", "freeze",
                                                     "descriptors", "memory",    "tasks",
                                                     "disk",        "clock",     "fault-point"};
constexpr std::array<absl::string_view, 5> kMoments = {"start", "admission", "resume", "commit",
                                                       "end"};

bool Makes(const Trouble& trouble, bool with_tasks, bool with_disk) {
  const bool of_daemon = trouble.who == Who::kDaemon;
  switch (trouble.deed) {
    case Deed::kTerminate:
      return of_daemon;
    case Deed::kDisk:
      return of_daemon && with_disk;
    case Deed::kTasks:
      return with_tasks;
    case Deed::kFaultPoint:
      return of_daemon && trouble.moment == Moment::kCommit;
    default:
      return true;
  }
}

}  // namespace

std::string NameOf(const Trouble& trouble) {
  return absl::StrCat(trouble.who == Who::kDaemon ? "daemon" : "client", " ",
                      kDeeds.at(static_cast<std::size_t>(trouble.deed)), " at ",
                      kMoments.at(static_cast<std::size_t>(trouble.moment)));
}

std::vector<Trouble> AllTroubles(bool with_tasks, bool with_disk) {
  std::vector<Trouble> all;
  for (const Who who : {Who::kDaemon, Who::kClient}) {
    for (std::size_t deed = 0; deed < kDeeds.size(); ++deed) {
      for (std::size_t moment = 0; moment < kMoments.size(); ++moment) {
        const Trouble trouble{
            .who = who, .deed = static_cast<Deed>(deed), .moment = static_cast<Moment>(moment)};
        if (Makes(trouble, with_tasks, with_disk)) all.push_back(trouble);
      }
    }
  }
  return all;
}

}  // namespace percpu::chaos
