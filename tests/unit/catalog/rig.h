// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_CATALOG_RIG_H_
#define PERCPUD_TESTS_UNIT_CATALOG_RIG_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "server/catalog/catalog.h"
#include "tests/support/process.h"

namespace percpud::catalog::testing {

// A catalog in a directory of its own, with the record that every one has.
class CatalogTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return dir_.path() + "/catalog"; }

  std::unique_ptr<Catalog> Open(Bytes initial = Bytes(2 << 20),
                                Bytes limit = Bytes(std::uint64_t{1} << 32)) {
    auto opened = Catalog::Open({.path = path(), .initial = initial, .limit = limit});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  static void Begin(Catalog& catalog) {
    Changes first;
    first.PutFormat();
    first.Put(Arena{.boot_id = "boot", .layout = "unit=64KiB"});
    EXPECT_TRUE(catalog.Commit(std::move(first)).ok());
  }
  static Area AreaAt(std::uint64_t pointer) {
    return {
        .pointer = PercpuPtr(pointer), .size = Granules(pointer % 1000 + 1), .owner = SessionId(7)};
  }
  static absl::Status PutAreas(Catalog& catalog, std::uint64_t first, std::uint64_t count) {
    Changes changes;
    for (std::uint64_t i = 0; i < count; ++i) changes.Put(AreaAt((first + i) * 8));
    return catalog.Commit(std::move(changes));
  }
  // Pointers and sizes.
  static std::map<std::uint64_t, std::uint32_t> Areas(Catalog& catalog) {
    std::map<std::uint64_t, std::uint32_t> out;
    const auto contents = catalog.Load([&out](const Area& area, std::size_t) {
      out.emplace(area.pointer.value(), area.size.value());
      return true;
    });
    EXPECT_TRUE(contents.ok()) << contents.status();
    return out;
  }

  percpud::testing::TempDir dir_;
};

}  // namespace percpud::catalog::testing

#endif  // PERCPUD_TESTS_UNIT_CATALOG_RIG_H_
