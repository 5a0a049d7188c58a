// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_LISTENING_H_
#define PERCPUD_TESTS_SUPPORT_LISTENING_H_

#include <string>

namespace percpud::testing {

inline constexpr char kServingOnTls[] = "serving on tls:";
inline constexpr char kServingOnPlainTcp[] = "serving on ";

// Where percpud says in its log that it serves: "127.0.0.1:PORT". Empty if it has not said so
// yet.
inline std::string AddressBehind(const std::string& words, const std::string& log) {
  const std::size_t at = log.find(words + "127.0.0.1:");
  const std::size_t end = log.find('\n', at);
  if (at == std::string::npos || end == std::string::npos) return {};
  return log.substr(at + words.size(), end - at - words.size());
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_LISTENING_H_
