// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_TEXT_FILE_H_
#define PERCPUD_TESTS_SUPPORT_TEXT_FILE_H_

#include <fstream>
#include <iterator>
#include <string>

namespace percpud::testing {

// The whole file; empty if there is none.
inline std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_TEXT_FILE_H_
