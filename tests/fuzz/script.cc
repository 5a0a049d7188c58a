// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/script.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace percpud::fuzz {
namespace {

// Reads little endian numbers until there is nothing left, then zeroes.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> input) : input_(input) {}
  [[nodiscard]] bool done() const { return input_.empty(); }
  std::uint32_t Byte() {
    if (input_.empty()) return 0;
    const std::uint8_t byte = input_.front();
    input_ = input_.subspan(1);
    return byte;
  }
  std::uint32_t Two() {
    const std::uint32_t low = Byte();
    return low | Byte() << 8;
  }

 private:
  std::span<const std::uint8_t> input_;
};

void PutTwo(std::uint32_t value, std::vector<std::uint8_t>& out) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}

}  // namespace

Script Decode(const Target& target, std::span<const std::uint8_t> input) {
  Reader reader(input);
  Script script;
  for (std::size_t i = 0; i < target.setup_size; ++i) script.setup.push_back(reader.Two());
  const auto kinds = static_cast<std::uint32_t>(target.kinds.size());
  while (!reader.done()) {
    Op op;
    op.kind = reader.Byte() % kinds;
    op.a = reader.Two();
    op.b = reader.Byte();
    op.c = reader.Byte();
    script.ops.push_back(op);
  }
  return script;
}

std::vector<std::uint8_t> Encode(const Script& script) {
  std::vector<std::uint8_t> out;
  for (const std::uint32_t value : script.setup) PutTwo(value, out);
  for (const Op& op : script.ops) {
    out.push_back(static_cast<std::uint8_t>(op.kind));
    PutTwo(op.a, out);
    out.push_back(static_cast<std::uint8_t>(op.b));
    out.push_back(static_cast<std::uint8_t>(op.c));
  }
  return out;
}

std::string PrintAsTest(const Target& target, const Script& script) {
  std::string out =
      absl::StrCat("TEST(FuzzRegressionTest, NameMe) {\n  using namespace ", target.name,
                   ";\n  const auto done = Perform({.setup = {", absl::StrJoin(script.setup, ", "),
                   "},\n                         .ops = {\n");
  for (const Op& op : script.ops) {
    absl::StrAppend(&out, "                             {", target.kinds[op.kind], ", ", op.a, ", ",
                    op.b, ", ", op.c, "},\n");
  }
  absl::StrAppend(&out,
                  "                         }});\n  EXPECT_TRUE(done.ok()) << done.status();\n}\n");
  return out;
}

Script Shrink(const Target& target, Script script, int tries) {
  for (std::size_t length = std::max<std::size_t>(script.ops.size() / 2, 1); length > 0;
       length /= 2) {
    for (std::size_t at = 0; at < script.ops.size() && tries > 0; --tries) {
      Script shorter = script;
      const auto begin = shorter.ops.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.ops.erase(
          begin, begin + static_cast<std::ptrdiff_t>(std::min(length, shorter.ops.size() - at)));
      if (target.run(shorter).ok()) {
        at += length;
      } else {
        script = std::move(shorter);
      }
    }
  }
  return script;
}

}  // namespace percpud::fuzz
