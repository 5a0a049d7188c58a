// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_SERIES_BOOK_H_
#define PERCPUD_CLIENT_C_SERIES_BOOK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "client/c/percpud.h"
#include "client/c/series.h"
#include "client/c/table.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"

namespace percpud::c {

// A client's families and series, and what is known of them at the daemon:
//
//   unasked --OpenSeries--> asked --answer--> open --CloseWriter--> closed
//      ^                      |                 refused                |
//      +----- no room: after a second ----------+                      |
//      +------------------------ set again ----------------------------+
//
// Guarded by the client's lock; REQUIRES it in every method.
class SeriesBook {
 public:
  explicit SeriesBook(percpud_client& client) : client_(client) {}

  // How the client's own writer is called; with `slot` the daemon gives it a number.
  // False if memory is short. REQUIRES: nothing was opened.
  bool SetWriter(const char* label, bool slot);
  // The writer of that name, made if there is none if it `may_make`. Null if there is none.
  // A null label is the client's own.
  Writer* FindWriter(const char* label, bool may_make);
  // -1 if the daemon gave none.
  [[nodiscard]] std::int64_t slot() const { return slot_; }

  // The family of that description, or the series of that family and writer, made if
  // there is none. Null if memory is short or the description contradicts itself.
  percpud_family* FindFamily(const percpud_family_options& options);
  percpud_series* FindSeries(percpud_family& family, const char* const* values, Writer& writer);

  [[nodiscard]] bool HasUnasked() const { return unasked_.first != nullptr; }
  // Whether what nobody has asked for may be asked for now.
  [[nodiscard]] bool MayAsk() const;
  // Puts what nobody has asked for into the body of one OpenSeries, as much as fits and
  // is one writer's. Returns how many series it asks for; what fits into no message is
  // refused at once. REQUIRES: MayAsk.
  std::uint32_t WriteOpen(abi::v1::LaneOpenSeriesBody& body, const char* name_space);
  // Takes back the last `count` that were asked for: their request was not sent.
  void TakeBack(std::uint32_t count);
  // Takes the answer for the first `count` that were asked for. False if it cannot be.
  bool TakeAnswer(const abi::v1::LaneAnswer& answer, std::uint32_t count, std::int64_t now_ns);

  // Asks again for some of those that there was no room for, if it is time. Others follow as
  // long as there is room.
  void RetryPostponed(std::int64_t now_ns);
  // The daemon has given nothing yet to this session's writers.
  void BeginSession();
  // Asks for everything, from the beginning.
  void AskAgain();
  // Calls `visit` for the series of a name with these values, or all of that name.
  template <typename Visit>
  void ForSeries(std::string_view family, std::span<const std::string_view> values, bool all,
                 Visit visit) const {
    ForEach([&](percpud_series& series) {
      const bool is_named = series.family->shape.name == family;
      if (is_named && (all || IsWith(series, values))) visit(series);
    });
  }
  // Whether it was removed, and has not moved since.
  static bool IsGone(const percpud_series& series);
  // The daemon has removed it, or has it count from 0 again.
  void TakeRemoval(percpud_series& series);
  void TakeReset(percpud_series& series);
  // The daemon has begun a new generation: everything is opened again.
  void TakeGeneration();
  // Has the writer's gauges open no cell before they are set again, and leaves the ones
  // that they have. Its values are 0.
  void CloseWriter(Writer& writer);
  // The session has no cells of writers any more.
  void LeaveCells();
  // Moves what was counted locally to where it belongs, as far as that goes.
  void Fold();
  [[nodiscard]] bool IsSettled() const;
  // Forgets what is the parent's, in the child of a fork.
  void BeginAnew();
  void FreeAll();

  // Visits the families, or the series in the order in which they were made.
  template <typename Visit>
  void ForEachFamily(Visit visit) const {
    for (const percpud_family* family = families_; family != nullptr; family = family->next) {
      visit(*family);
    }
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (percpud_series* series = first_; series != nullptr; series = series->next_made) {
      visit(*series);
    }
  }

 private:
  struct Queue {
    percpud_series* first = nullptr;
    percpud_series* last = nullptr;

    void Push(percpud_series& series);
    percpud_series* Pop();
  };

  bool WriteOne(abi::v1::LaneOpenSeriesBody& body, percpud_series& series,
                const percpud_family*& family);
  void TakeWriter(Writer& writer, const abi::v1::LaneOpened& opened);
  void TakeOpened(percpud_series& series, const abi::v1::LaneOpenedSeries& opened,
                  const abi::v1::LaneOpenedView& answer, std::int64_t now_ns);
  void TakeRefusal(percpud_series& series, std::uint16_t code, std::string_view text,
                   std::int64_t now_ns);
  void Publish(percpud_series& series, const abi::v1::LaneOpenedSeries& opened);
  void SayOnce(percpud_family& family, std::string_view text, const char* advice);
  static bool IsWith(const percpud_series& series, std::span<const std::string_view> values);
  void AskFor(percpud_series& series);

  percpud_client& client_;
  // The client's own; its list has the others.
  Writer writer_;
  bool wants_slot_ = false;
  std::int64_t slot_ = -1;
  // The slot as a label, for the second opening and later ones.
  std::array<char, 24> slot_label_{};
  percpud_family* families_ = nullptr;
  Table<percpud_series> table_;
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
