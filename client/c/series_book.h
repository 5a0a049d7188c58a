// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_SERIES_BOOK_H_
#define PERCPUD_CLIENT_C_SERIES_BOOK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "client/c/percpud.h"
#include "client/c/series.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"

namespace percpud::c {

// A client's families and series, and what is known of them at the daemon:
//
//   unasked --OpenSeries--> asked --answer--> open
//      ^                      |                 refused
//      +----- no room: after a second ----------+
//
// Guarded by the client's lock; REQUIRES it in every method.
class SeriesBook {
 public:
  explicit SeriesBook(percpud_client& client) : client_(client) {}

  // The family of that description, or the series of that family, made if there is
  // none. Null if memory is short or the description contradicts itself.
  percpud_family* FindFamily(const percpud_family_options& options);
  percpud_series* FindSeries(percpud_family& family, const char* const* values);

  [[nodiscard]] bool HasUnasked() const { return unasked_.first != nullptr; }
  // Puts what nobody has asked for into the body of one OpenSeries, as much as fits.
  // Returns how many series it asks for; what fits into no message is refused at once.
  // REQUIRES: HasUnasked.
  std::uint32_t WriteOpen(abi::v1::LaneOpenSeriesBody& body, const char* name_space,
                          const char* writer);
  // Takes back the last `count` that were asked for: their request was not sent.
  void TakeBack(std::uint32_t count);
  // Takes the answer for the first `count` that were asked for. False if it cannot be.
  bool TakeAnswer(const abi::v1::LaneAnswer& answer, std::uint32_t count, std::int64_t now_ns);

  // Asks again for those that there was no room for, if it is time.
  void RetryPostponed(std::int64_t now_ns);
  // Asks for everything, from the beginning.
  void AskAgain();
  // Moves what was counted locally to where it belongs, as far as that goes.
  void Fold();
  [[nodiscard]] bool IsSettled() const;
  // Forgets what is the parent's, in the child of a fork.
  void BeginAnew();
  void FreeAll();

 private:
  struct Queue {
    percpud_series* first = nullptr;
    percpud_series* last = nullptr;

    void Push(percpud_series& series);
    percpud_series* Pop();
  };
  static constexpr std::size_t kBuckets = 4096;

  bool WriteOne(abi::v1::LaneOpenSeriesBody& body, percpud_series& series,
                const percpud_family*& family);
  void TakeOpened(percpud_series& series, const abi::v1::LaneOpenedSeries& opened,
                  const abi::v1::LaneOpenedView& answer, std::int64_t now_ns);
  void TakeRefusal(percpud_series& series, std::uint16_t code, std::string_view text,
                   std::int64_t now_ns);
  void Publish(percpud_series& series, const abi::v1::LaneOpenedSeries& opened);
  void SayOnce(percpud_family& family, std::string_view text);
  template <typename Visit>
  void ForEach(Visit visit) const;

  percpud_client& client_;
  percpud_family* families_ = nullptr;
  std::array<percpud_series*, kBuckets> table_{};
  // In the order in which they were made: that is the order in which they are shown.
  percpud_series* first_ = nullptr;
  percpud_series* last_ = nullptr;
  Queue unasked_;
  Queue asked_;
  Queue postponed_;
  std::int64_t retry_ns_ = 0;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_SERIES_BOOK_H_
