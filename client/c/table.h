// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_TABLE_H_
#define PERCPUD_CLIENT_C_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "client/c/growing.h"

namespace percpud::c {

// Finds things by a hash, which each has as `hash`. Those of one bucket are linked by `next`.
// There are as many buckets as things, so that finding one costs the same however many
// there are. Where memory is short the buckets stay as few as they are. Owns no thing. Not
// thread safe.
template <typename T>
class Table {
 public:
  // The first of that hash that is `wanted`; null if there is none.
  template <typename Wanted>
  [[nodiscard]] T* Find(std::uint64_t hash, Wanted wanted) const {
    if (buckets_.size() == 0) return nullptr;
    for (T* one = buckets_[BucketOf(buckets_, hash)].first; one != nullptr; one = one->next) {
      if (one->hash == hash && wanted(*one)) return one;
    }
    return nullptr;
  }
  // False if memory is short for the first of all.
  [[nodiscard]] bool Add(T& thing) {
    if (count_ >= buckets_.size()) Grow();
    if (buckets_.size() == 0) return false;
    Link(buckets_, thing);
    ++count_;
    return true;
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      for (T* one = buckets_[i].first; one != nullptr;) visit(*std::exchange(one, one->next));
    }
  }

 private:
  static constexpr std::size_t kLeast = 64;

  // What stands in it is linked by `next`.
  struct Bucket {
    T* first = nullptr;
  };

  // The count of buckets is a power of two.
  static std::size_t BucketOf(const Growing<Bucket>& buckets, std::uint64_t hash) {
    return (hash ^ hash >> 32) & (buckets.size() - 1);
  }
  static void Link(Growing<Bucket>& buckets, T& thing) {
    Bucket& bucket = buckets[BucketOf(buckets, thing.hash)];
    thing.next = std::exchange(bucket.first, &thing);
  }
  void Grow() {
    Growing<Bucket> more;
    const std::size_t wanted = buckets_.size() == 0 ? kLeast : buckets_.size() * 2;
    if (!more.Resize(wanted) || more.size() == 0) return;
    ForEach([&](T& thing) { Link(more, thing); });
    buckets_.Swap(more);
  }

  Growing<Bucket> buckets_;
  std::size_t count_ = 0;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_TABLE_H_
