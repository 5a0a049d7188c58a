// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/transaction.h"

#include <utility>

#include "server/base/errors.h"

namespace percpud {

Transaction::Transaction(Books& books, const Caller& caller) : books_(books), caller_(caller) {
  Lock();
  BeginRequest();
}

Transaction::~Transaction() {
  if (locked_) Abandon();
}

void Transaction::Abandon() {
  Unpin();
  EndRequest();
  Unlock();
}

void Transaction::BeginRequest() {
  status_ = CheckCaller();
  if (!status_.ok() || caller_.request == kNoRequest || caller_.session == kNoSession) return;
  Answers& answers = tables().sessions.FindLive(caller_.session)->answers;
  status_ = answers.Begin(caller_.request);
  if (!status_.ok()) return;
  begun_ = true;
  // Being answered and being under way exclude each other: what is kept is
  // committed.
  if (const Answers::Words* const words = answers.Find(caller_.request)) answer_ = *words;
}

void Transaction::EndRequest() {
  if (!std::exchange(begun_, false)) return;
  Session* const session = tables().sessions.Find(caller_.session);
  if (session != nullptr) session->answers.End(caller_.request);
}

absl::Status Transaction::CheckCaller() const {
  if (caller_.session == kNoSession) return absl::OkStatus();
  const Session* const session = tables().sessions.Find(caller_.session);
  if (session != nullptr && session->state == Session::State::kLive) return absl::OkStatus();
  return errors::SessionEnded(caller_.session.value());
}

HolderId Transaction::CallersHolder() {
  if (caller_.session != kNoSession) return HolderOf(caller_.session);
  return tables().holders.OwnOf(caller_.identity());
}

void Transaction::Answer(Answers::Words words) {
  if (!begun_) return;
  Session* const session = tables().sessions.FindLive(caller_.session);
  if (session == nullptr) return;
  Answers& answers = session->answers;
  if (keeps()) {
    changes_.Put(catalog::Answer{.session = caller_.session,
                                 .request = caller_.request,
                                 .order = answers.next_order(),
                                 .words = words});
  }
  forgotten_ = answers.Keep(caller_.request, std::move(words));
  answered_ = true;
  if (!keeps()) return;
  for (const Answers::Forgotten& one : forgotten_) {
    changes_.DeleteAnswer(caller_.session, one.request);
  }
}

void Transaction::ForgetAnswer() {
  if (!std::exchange(answered_, false)) return;
  Session* const session = tables().sessions.Find(caller_.session);
  if (session != nullptr) {
    session->answers.TakeBack(caller_.request, std::move(forgotten_));
  }
}

void Transaction::Pin(HolderId holder) {
  Holder* const pinned = tables().holders.Find(holder);
  assert(pinned != nullptr);
  ++pinned->in_flight;
  pins_.push_back(holder);
}

void Transaction::PinCaller() {
  const HolderId own = HolderOf(caller_.session);
  if (caller_.session != kNoSession && tables().holders.Find(own) != nullptr) Pin(own);
}

void Transaction::Unpin() {
  for (const HolderId holder : pins_) {
    Holder* const pinned = tables().holders.Find(holder);
    assert(pinned != nullptr && pinned->in_flight > 0);
    --pinned->in_flight;
  }
  pins_.clear();
}

}  // namespace percpud
