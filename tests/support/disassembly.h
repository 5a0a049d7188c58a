// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the compiler made of a function, as objdump shows it.

#ifndef PERCPUD_TESTS_SUPPORT_DISASSEMBLY_H_
#define PERCPUD_TESTS_SUPPORT_DISASSEMBLY_H_

#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace percpud::testing {

inline constexpr char kObjdump[] = "/usr/bin/objdump";

// The instructions of a function up to its first return; of this program's, unless another one is
// named. Empty if they cannot be had.
inline std::vector<std::string> Instructions(
    const std::string& function,
    const std::string& program = std::filesystem::read_symlink("/proc/self/exe")) {
  const auto shown =
      RunToEnd({kObjdump, "--disassemble=" + function, "--no-show-raw-insn", program}, {});
  if (!shown.ok() || shown->exit_code != 0) return {};
  std::vector<std::string> out;
  std::istringstream lines(shown->out);
  const std::regex instruction(R"(^\s*[0-9a-f]+:\s+(.*))");
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, instruction)) continue;
    out.push_back(found[1]);
    if (out.back().starts_with("ret")) break;
  }
  return out;
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_DISASSEMBLY_H_
