// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/stacks.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace percpu::chaos {
namespace {

constexpr char kGdb[] = "/usr/bin/gdb";

}  // namespace

std::string StacksOf(pid_t pid) {
  if (access(kGdb, X_OK) != 0) return "without gdb its stacks cannot be told\n";
  const auto told = percpud::testing::RunToEnd({kGdb, "-batch", "-nx", "-p", absl::StrCat(pid),
                                                "-ex", "set print frame-arguments scalars", "-ex",
                                                "thread apply all bt"});
  return told.ok() ? told->out : absl::StrCat("gdb: ", told.status().ToString(), "\n");
}

}  // namespace percpu::chaos
