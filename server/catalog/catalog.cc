// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/catalog.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/catalog/fault_point.h"

namespace percpud::catalog {

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Open(const Store::Options& options) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  if (!store.ok()) return store.status();
  return std::unique_ptr<Catalog>(new Catalog(*std::move(store)));
}

Catalog::Ticket Catalog::Enter(Changes changes) {
  if (changes.empty()) return Ticket::kNothing;
  RankedLock lock(&mu_);
  queue_.push_back(
      {.number = ++entered_, .owed = false, .changes = std::move(changes), .status = {}});
  return Ticket{entered_};
}

Catalog::Ticket Catalog::EnterOwed(Changes changes) {
  if (changes.empty()) return Ticket::kNothing;
  RankedLock lock(&mu_);
  queue_.push_back(
      {.number = ++entered_, .owed = true, .changes = std::move(changes), .status = {}});
  return Ticket{entered_};
}

absl::Status Catalog::Await(Ticket ticket) {
  if (ticket == Ticket::kNothing) return absl::OkStatus();
  const auto number = static_cast<std::uint64_t>(ticket);
  RankedLock lock(&mu_);
  assert(number <= entered_);
  while (settled_ < number) {
    if (leading_) {
      const auto my_turn = [this, number]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return !leading_ || settled_ >= number;
      };
      mu_.Await(absl::Condition(&my_turn));
    } else {
      Lead();
    }
  }
  const auto refusal = refusals_.find(number);
  if (refusal == refusals_.end()) return absl::OkStatus();
  absl::Status status = std::move(refusal->second);
  refusals_.erase(refusal);
  return status;
}

void Catalog::Lead() {
  assert(!leading_ && !queue_.empty());
  leading_ = true;
  Entries entries = std::exchange(queue_, std::exchange(spare_, {}));
  mu_.Unlock();
  CommitAll(entries);
  mu_.Lock();
  leading_ = false;
  settled_ = std::max(settled_, entries.back().number);
  stats_.changes += entries.size();
  ++stats_.commits;
  stats_.size = store_->size();
  stats_.is_full = store_->is_full();
  for (Entry& entry : entries) {
    if (entry.owed || entry.status.ok()) continue;
    ++stats_.refused;
    refusals_.emplace(entry.number, std::move(entry.status));
  }
  entries.clear();
  spare_ = std::move(entries);
}

void Catalog::CommitAll(Entries& entries) {
  std::vector<const Changes*> batch;
  batch.reserve(owed_.size() + entries.size());
  for (const Changes& changes : owed_) batch.push_back(&changes);
  for (const Entry& entry : entries) batch.push_back(&entry.changes);
  PERCPUD_FAULT_POINT("before-commit");
  const absl::Status status = store_->Apply(batch);
  PERCPUD_FAULT_POINT("after-commit");
  if (status.ok()) {
    owed_.clear();
  } else if (batch.size() == 1 && !entries.front().owed) {
    // There is nothing to tell apart, so a full catalog is asked once.
    entries.front().status = status;
  } else {
    CommitEach(entries);
  }
}

// One of them is too much, or all are: each by itself, in order.
void Catalog::CommitEach(Entries& entries) {
  const auto commit = [this](const Changes& changes) {
    const Changes* const one = &changes;
    return store_->Apply(std::span(&one, 1));
  };
  absl::Status owing;
  while (!owed_.empty() && owing.ok()) {
    owing = commit(owed_.front());
    if (owing.ok()) owed_.erase(owed_.begin());
  }
  for (Entry& entry : entries) {
    entry.status = !owing.ok() && entry.changes.puts() ? owing : commit(entry.changes);
    if (!entry.owed || entry.status.ok()) continue;
    owing = entry.status;
    owed_.push_back(std::move(entry.changes));
  }
}

absl::StatusOr<Contents> Catalog::Load(const OnArea& on_area) {
  {
    RankedLock lock(&mu_);
    mu_.Await(absl::Condition(
        +[](Catalog* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return !self->leading_; }, this));
    leading_ = true;
  }
  absl::StatusOr<Contents> contents = store_->Load(on_area);
  RankedLock lock(&mu_);
  leading_ = false;
  return contents;
}

Catalog::Stats Catalog::GetStats() const {
  RankedLock lock(&mu_);
  return stats_;
}

}  // namespace percpud::catalog
