// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_COLLECTION_H_
#define PERCPUD_CLIENT_C_COLLECTION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "client/c/growing.h"
#include "client/c/percpud.h"
#include "client/c/series_book.h"
#include "client/c/snapshot.h"
#include "client/c/totals.h"
#include "client/exposition/text.h"

// What was read of a namespace, as percpud_collect.h shows it. Its rows point into its
// own tables, which no longer change once it is filled. Not thread safe.
struct percpud_collection {
 public:
  // Appends the families of the snapshot and what they come to. If `only` is not null, only
  // the family of that name. False if memory is short. REQUIRES: nothing was filled.
  bool Fill(const percpud::c::Snapshot& snapshot, const percpud::c::Arena& arena, const char* only);
  // Appends those of a process that has reached no daemon. `writer` names the process where
  // a series' writer has no label. REQUIRES and returns the same.
  bool FillLocal(const percpud::c::SeriesBook& book, const char* only, std::string_view writer);

  [[nodiscard]] percpud::c::Growing<percpud_family_view>& families() { return families_; }
  [[nodiscard]] const percpud::c::Growing<percpud_family_view>& families() const {
    return families_;
  }
  bool is_fresh = false;

 private:
  // Where the numbers of a series come from.
  struct Local;
  struct Shared;

  // Makes room for everything at once, so that nothing moves.
  bool Prepare(const percpud::c::Snapshot& snapshot);
  template <typename Numbers>
  bool FillFrom(const percpud::c::Snapshot& snapshot, const char* only, Numbers& numbers);
  template <typename Numbers>
  bool FillFamily(const percpud::c::Snapshot& snapshot, const percpud::c::FamilyRow& row,
                  Numbers& numbers);
  percpud_series_view ViewOf(const percpud::c::FamilyRow& family, const percpud::c::SeriesRow& row);
  void PutWriters(const percpud::c::Snapshot& snapshot, const percpud::c::SeriesRow& row,
                  const percpud::c::Totals* totals, percpud_series_view& out);
  [[nodiscard]] percpud_text text(const percpud::c::TextRef& ref) const {
    return {.text = texts_.view().data() + ref.at, .bytes = ref.bytes};
  }

  percpud::exposition::Text texts_;
  percpud::c::Growing<percpud_text> names_;
  percpud::c::Growing<double> bounds_;
  percpud::c::Growing<percpud_family_view> families_;
  percpud::c::Growing<percpud_series_view> series_;
  percpud::c::Growing<percpud_writer_view> writers_;
  percpud::c::Growing<std::uint64_t> buckets_;
  // How much of each table is used.
  std::size_t series_used_ = 0;
  std::size_t writers_used_ = 0;
  std::size_t buckets_used_ = 0;
};

#endif  // PERCPUD_CLIENT_C_COLLECTION_H_
