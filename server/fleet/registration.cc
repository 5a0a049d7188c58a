// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/registration.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"
#include "server/fleet/records.h"
#include "server/fleet/words.h"

namespace percpud::fleet {
namespace {

// A lease is kept alive this many times while it lives.
constexpr int kPartsOfLease = 3;
constexpr absl::Duration kIdle = absl::Seconds(1);

}  // namespace

Registration::Registration(Options options, Etcd& etcd, const Clock& clock)
    : options_(std::move(options)), etcd_(etcd), clock_(clock) {}

void Registration::SetRecord(v1::HostRecord record) {
  const RankedLock lock(&mutex_);
  record_ = std::move(record);
  has_news_ = true;
}

void Registration::SawOwnKey(const Seen& seen) {
  const RankedLock lock(&mutex_);
  seen_ = seen;
  has_news_ = true;
}

Registration::State Registration::state() const {
  const RankedLock lock(&mutex_);
  return state_;
}

void Registration::Wait(absl::Duration time) {
  const RankedLock lock(&mutex_);
  const auto is_due = [this]()
                          ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return has_news_ || stopping_; };
  mutex_.AwaitWithTimeout(absl::Condition(&is_due), time);
}

void Registration::StopWaiting() {
  const RankedLock lock(&mutex_);
  stopping_ = true;
}

absl::Duration Registration::Step() {
  std::optional<v1::HostRecord> record;
  {
    const RankedLock lock(&mutex_);
    has_news_ = false;
    record = record_;
  }
  if (!record) return kIdle;
  absl::Status status = Work(*record);
  Publish(status);
  const absl::Duration part = lease_ ? lease_->ttl / kPartsOfLease : Backoff::kMost;
  if (status.ok()) {
    backoff_.Reset();
    return std::max(absl::ZeroDuration(), part - (clock_.Now() - kept_alive_at_));
  }
  return std::min(backoff_.Next(), part);
}

absl::Status Registration::Work(const v1::HostRecord& record) {
  RETURN_IF_ERROR(KeepLease());
  if (TakeIsGone()) registered_ = false;
  return registered_ ? Update(record) : Register(record);
}

absl::Status Registration::KeepLease() {
  const BootTime now = clock_.Now();
  if (lease_) {
    const absl::Duration part = lease_->ttl / kPartsOfLease;
    if (now - kept_alive_at_ < part) return absl::OkStatus();
    ASSIGN_OR_RETURN(const absl::Duration left, etcd_.KeepAlive(lease_->id, part));
    if (left > absl::ZeroDuration()) {
      kept_alive_at_ = now;
      return absl::OkStatus();
    }
    // It is no more, and the record with it.
    lease_.reset();
    registered_ = false;
  }
  ASSIGN_OR_RETURN(lease_, etcd_.Grant(options_.ttl));
  kept_alive_at_ = now;
  registered_ = false;
  return absl::OkStatus();
}

bool Registration::TakeIsGone() {
  const RankedLock lock(&mutex_);
  const std::optional<Seen> seen = std::exchange(seen_, std::nullopt);
  if (!seen || seen->mod_revision == mod_revision_) return false;
  return seen->is_listing || seen->revision >= mod_revision_;
}

absl::Status Registration::Register(const v1::HostRecord& record) {
  std::string text = ToJson(record);
  ASSIGN_OR_RETURN(EtcdPut put, etcd_.PutIf(0, options_.key, text, lease_->id));
  if (!put.done && put.found) {
    RETURN_IF_ERROR(MayReplace(*put.found, record));
    ASSIGN_OR_RETURN(put, etcd_.PutIf(put.found->mod_revision, options_.key, text, lease_->id));
  }
  if (!put.done) return absl::AbortedError("the record changed meanwhile");
  Wrote(put, std::move(text));
  return absl::OkStatus();
}

absl::Status Registration::Update(const v1::HostRecord& record) {
  std::string text = ToJson(record);
  if (text == written_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const EtcdPut put, etcd_.PutIf(mod_revision_, options_.key, text, lease_->id));
  if (put.done) {
    Wrote(put, std::move(text));
    return absl::OkStatus();
  }
  registered_ = false;
  return Register(record);
}

absl::Status Registration::MayReplace(const EtcdStored& found, const v1::HostRecord& record) const {
  const absl::StatusOr<v1::HostRecord> theirs = ParseRecord(found.value);
  if (!theirs.ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("what lies at ", found.key, " in etcd is no host's record: delete it"));
  }
  if (theirs->incarnation() == record.incarnation()) return absl::OkStatus();
  if (theirs->boot_id() == record.boot_id() && !was_registered_) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "another host has this one's name: ", found.key, " is of incarnation ",
      Words(theirs->incarnation()), " at [", Words(absl::StrJoin(theirs->addresses(), ", ")),
      "], this one is ", record.incarnation(), " at [", absl::StrJoin(record.addresses(), ", "),
      "]; give one of them another --host"));
}

void Registration::Wrote(const EtcdPut& put, std::string text) {
  registered_ = true;
  was_registered_ = true;
  mod_revision_ = put.revision;
  written_ = std::move(text);
}

void Registration::Publish(absl::Status problem) {
  const RankedLock lock(&mutex_);
  state_ = {.registered = registered_, .problem = std::move(problem)};
}

void Registration::Leave() {
  if (!lease_) return;
  std::optional<v1::HostRecord> record;
  {
    const RankedLock lock(&mutex_);
    record = record_;
  }
  if (registered_ && record) {
    record->set_serving(v1::SERVING_LEFT);
    // If that fails, the host is LOST for a while instead.
    static_cast<void>(etcd_.PutIf(mod_revision_, options_.key, ToJson(*record), lease_->id));
  }
  static_cast<void>(etcd_.Revoke(lease_->id));
  lease_.reset();
  registered_ = false;
  Publish(absl::OkStatus());
}

}  // namespace percpud::fleet
