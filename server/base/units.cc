// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/units.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"

namespace percpud {

std::string Format(Bytes value) {
  struct Scale {
    std::uint64_t bytes;
    const char* suffix;
  };
  static constexpr std::array kScales = {Scale{1ULL << 40, "TiB"}, Scale{1ULL << 30, "GiB"},
                                         Scale{1ULL << 20, "MiB"}, Scale{1ULL << 10, "KiB"}};
  for (const Scale& scale : kScales) {
    if (value.value() >= scale.bytes && value.value() % scale.bytes == 0) {
      return absl::StrCat(value.value() / scale.bytes, scale.suffix);
    }
  }
  return absl::StrCat(value.value(), "B");
}

std::string Format(PercpuPtr ptr) { return absl::StrCat("0x", absl::Hex(ptr.value())); }

}  // namespace percpud
