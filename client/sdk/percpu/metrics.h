// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Series of metrics that all processes of a host share, as registry.h hands them out.
// Each is one pointer to what its registry owns: pass it by value. One that is empty does
// nothing. Updates count in this process while there is no daemon, never fail, take no
// lock and make no system call; all are thread safe and async-signal-safe.
//
// Counters of doubles, histograms and summaries are inlined where they are updated: a
// restartable sequence of about a dozen instructions.

#ifndef PERCPU_METRICS_H_
#define PERCPU_METRICS_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/c/percpud.h"

namespace percpu {

// A number that rises.
class Counter {
 public:
  Counter() = default;
  explicit Counter(percpud_series* series)
      : series_(series), number_(percpud_series_number(series)) {}

  // Adds to what all processes have counted. What is below zero or not a number is not
  // added.
  [[gnu::always_inline]] inline void Add(double amount) const {
    percpud_number_add(number_, amount);
  }
  [[gnu::always_inline]] inline void Increment() const { Add(1); }
  // Returns what all processes have added, resets included, as far as this one sees.
  [[nodiscard]] double Sum() const { return percpud_read_series(series_).sum; }

  explicit operator bool() const { return series_ != nullptr; }

 private:
  percpud_series* series_ = nullptr;
  percpud_number* number_ = nullptr;
};

// A number that rises in whole steps, exact up to 2^64.
class IntegerCounter {
 public:
  IntegerCounter() = default;
  explicit IntegerCounter(percpud_series* series) : counter_(percpud_series_counter(series)) {}

  [[gnu::always_inline]] inline void Add(std::uint64_t n) const {
    percpud_counter_add(counter_, n);
  }
  [[gnu::always_inline]] inline void Increment() const { Add(1); }
  [[nodiscard]] std::uint64_t Sum() const { return percpud_counter_sum(counter_); }

  explicit operator bool() const { return counter_ != nullptr; }

 private:
  percpud_counter* counter_ = nullptr;
};

// A value that is set. Each process has its own, and the family says what readers see of
// them (percpud_fold); with PERCPUD_FOLD_SHARED there is one for all.
class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(percpud_series* series) : series_(series) {}

  void Set(double value) const { percpud_set(series_, value); }
  void Add(double amount) const { percpud_add(series_, amount); }
  void Increment() const { Add(1); }
  void Decrement() const { Add(-1); }
  // Returns this process's value, or the one of all.
  [[nodiscard]] double Get() const { return percpud_get(series_); }

  explicit operator bool() const { return series_ != nullptr; }

 private:
  percpud_series* series_ = nullptr;
};

// Observations: how many there were and what they come to. One changes one cell, so that
// no reader and no death of a process ever sees a count without its sum.
class Summary {
 public:
  Summary() = default;
  explicit Summary(percpud_series* series)
      : series_(series), cells_(percpud_series_histogram(series)) {}

  // One that is not a number is not counted.
  [[gnu::always_inline]] inline void Observe(double value) const {
    percpud_histogram_observe(cells_, value);
  }
  [[nodiscard]] std::uint64_t Count() const { return percpud_read_series(series_).count; }
  [[nodiscard]] double Sum() const { return percpud_read_series(series_).sum; }

  explicit operator bool() const { return series_ != nullptr; }

 private:
  percpud_series* series_ = nullptr;
  percpud_histogram* cells_ = nullptr;
};

// Observations by size: those up to each of the family's bounds, and all.
class Histogram : public Summary {
 public:
  using Summary::Summary;
};

// A metric's name and its labels. A view of what its registry owns. Thread safe.
template <typename Metric>
class Family {
 public:
  using Values = std::initializer_list<std::string_view>;

  Family() = default;
  Family(percpud_family* family, std::size_t labels) : family_(family), labels_(labels) {}

  // Returns the series with these label values, one for each of the family's labels, made
  // if there is none. Keep it: this looks it up under a lock. Empty if the values are too
  // few or too many, or if memory is short.
  [[nodiscard]] Metric With(Values values = {}) const { return With(std::span(values)); }
  [[nodiscard]] Metric With(std::span<const std::string_view> values) const {
    const Texts texts(values);
    return Metric(Fits(values) ? percpud_series_open(family_, texts.pointers()) : nullptr);
  }

  // These return how many series it was about; nothing if the daemon did not do it
  // (Registry::Reason). They wait `milliseconds` at most. Series stay valid: one that was
  // removed shows again, from 0, when it moves or is opened again.
  std::optional<std::int64_t> Remove(Values values, int milliseconds = kPatienceMs) const {
    const Texts texts(values);
    if (!Fits(values)) return std::nullopt;
    return OrNothing(percpud_remove(family_, texts.pointers(), milliseconds));
  }
  std::optional<std::int64_t> Reset(Values values, int milliseconds = kPatienceMs) const {
    const Texts texts(values);
    if (!Fits(values)) return std::nullopt;
    return OrNothing(percpud_reset(family_, texts.pointers(), milliseconds));
  }
  std::optional<std::int64_t> RemoveAll(int milliseconds = kPatienceMs) const {
    return OrNothing(percpud_remove_all(family_, milliseconds));
  }
  std::optional<std::int64_t> ResetAll(int milliseconds = kPatienceMs) const {
    return OrNothing(percpud_reset_all(family_, milliseconds));
  }

  // False if no daemon would take the description.
  explicit operator bool() const { return family_ != nullptr; }

 private:
  static constexpr int kPatienceMs = 1000;

  // Texts with the zeros at their ends that C wants.
  class Texts {
   public:
    explicit Texts(std::span<const std::string_view> texts) : copies_(texts.begin(), texts.end()) {
      for (const std::string& copy : copies_) pointers_.push_back(copy.c_str());
    }
    [[nodiscard]] const char* const* pointers() const { return pointers_.data(); }

   private:
    std::vector<std::string> copies_;
    std::vector<const char*> pointers_;
  };

  [[nodiscard]] bool Fits(std::span<const std::string_view> values) const {
    return family_ != nullptr && values.size() == labels_;
  }
  static std::optional<std::int64_t> OrNothing(std::int64_t series) {
    return series < 0 ? std::nullopt : std::optional(series);
  }

  percpud_family* family_ = nullptr;
  std::size_t labels_ = 0;
};

}  // namespace percpu

#endif  // PERCPU_METRICS_H_
