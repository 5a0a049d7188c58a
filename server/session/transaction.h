// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One change of the books, whatever is changed.
//
//   lock                        Transaction tx(books, caller);   answered before? under way?
//     |  check, charge
//     |  mark rows in flight    tables().areas.SetState(...)     others see them as they were,
//     |  records                tx.Put(...), tx.changes()         and wait to change them
//     |  answer                 tx.Answer({...})
//   unlock                      tx.Commit(apply, undo)
//     .  wait for the catalog
//   lock
//     |  apply(tables), or forget the answer and undo(tables)
//   unlock
//
// What is entered and not committed is invisible to others: a row being entered is
// not found, a row being changed is found as it was. Nobody else changes a row in
// flight (WaitUntil), so apply and undo find what the transaction left.

#ifndef PERCPUD_SERVER_SESSION_TRANSACTION_H_
#define PERCPUD_SERVER_SESSION_TRANSACTION_H_

#include <cassert>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/session/access/caller.h"
#include "server/session/answers.h"
#include "server/session/books.h"

namespace percpud {

// Used by one thread. Holds the books' lock from its construction to its end, but
// for Unlocked, WaitUntil and Commit.
class Transaction {
 public:
  // Takes the lock, and looks up the caller's request if it has a number.
  // `books` outlives the transaction.
  Transaction(Books& books, const Caller& caller);
  // Nothing is entered that was not committed; the request may be made again.
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // OK if the request may go on. Errors: SessionEnded, RequestUnderWay,
  // AnswerForgotten.
  [[nodiscard]] const absl::Status& status() const { return status_; }
  // What the request was answered before. Then there is nothing to do.
  [[nodiscard]] const std::optional<Answers::Words>& answer() const { return answer_; }
  // OK unless the caller's session has ended meanwhile. Errors: SessionEnded.
  [[nodiscard]] absl::Status CheckCaller() const;
  // The holder of what the caller makes: its session, or its identity's own.
  // REQUIRES: CheckCaller() is OK.
  HolderId CallersHolder();

  // REQUIRES: the lock is held.
  [[nodiscard]] Tables& tables() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    assert(locked_);
    return books_.tables_;
  }
  [[nodiscard]] const Tables& tables() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    assert(locked_);
    return books_.tables_;
  }
  // Waits until `condition` holds, without the lock meanwhile: whatever was found
  // before is to be looked up again. `condition` is about rows in flight only, so
  // that it holds once some commits are through.
  template <typename Condition>
  void WaitUntil(const Condition& condition);
  // Runs `work` without the lock: for what may sleep or calls the allocator.
  // Sessions may end meanwhile.
  template <typename Work>
  auto Unlocked(Work work);

  // --- What is committed ----------------------------------------------------------
  // Whether records are kept at all.
  [[nodiscard]] bool keeps() const { return books_.journal().keeps(); }
  template <typename Record>
  void Put(const Record& record) {
    if (keeps()) changes_.Put(record);
  }
  // For deletions. REQUIRES: keeps().
  [[nodiscard]] catalog::Changes& changes() {
    assert(keeps());
    return changes_;
  }
  // What the request is answered, now and when it is made again.
  void Answer(Answers::Words words);
  // Keeps a holder from ending before the commit is through. The caller's own is kept
  // in any case. REQUIRES: the holder is there.
  void Pin(HolderId holder);

  // Commits. Then `apply` makes the change, or, if the catalog refused it, the answer
  // is forgotten and `undo` takes back what was done before; both get the tables and
  // run under the lock, which is not held afterwards.
  // Errors: CatalogFull, CatalogFailed.
  template <typename Apply, typename Undo>
  absl::Status Commit(Apply apply, Undo undo);
  // For what can no longer be refused: if the catalog has no room, it is owed. `apply`
  // runs at once; the ticket may be awaited (Journal::Await).
  template <typename Apply>
  Journal::Ticket EnterOwed(Apply apply);
  // Ends without a change. The lock is not held afterwards.
  void Abandon();
  // Whether it was neither committed nor abandoned.
  [[nodiscard]] bool is_open() const { return locked_; }

 private:
  void Lock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    assert(!locked_);
    books_.mu_.Lock();
    locked_ = true;
  }
  void Unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    assert(locked_);
    locked_ = false;
    books_.mu_.Unlock();
  }
  void BeginRequest();
  void EndRequest();
  void ForgetAnswer();
  void PinCaller();
  void Unpin();

  Books& books_;
  const Caller caller_;
  bool locked_ = false;
  absl::Status status_;
  // The request is noted as being under way.
  bool begun_ = false;
  std::optional<Answers::Words> answer_;
  catalog::Changes changes_;
  // Answers that were forgotten for this one's.
  bool answered_ = false;
  std::vector<Answers::Forgotten> forgotten_;
  absl::InlinedVector<HolderId, 2> pins_;
};

template <typename Condition>
void Transaction::WaitUntil(const Condition& condition) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  assert(locked_);
  if (!condition()) books_.mu_.Await(absl::Condition(&condition));
}

template <typename Work>
auto Transaction::Unlocked(Work work) {
  Unlock();
  auto result = work();
  Lock();
  return result;
}

template <typename Apply, typename Undo>
absl::Status Transaction::Commit(Apply apply, Undo undo) {
  assert(locked_ && status_.ok());
  const Journal::Ticket ticket = books_.journal().Enter(std::move(changes_));
  absl::Status committed;
  if (ticket != Journal::Ticket::kNothing) {
    PinCaller();
    Unlock();
    committed = books_.journal().Await(ticket);
    Lock();
  }
  Unpin();
  if (committed.ok()) {
    apply(tables());
  } else {
    ForgetAnswer();
    undo(tables());
  }
  EndRequest();
  Unlock();
  return committed;
}

template <typename Apply>
Journal::Ticket Transaction::EnterOwed(Apply apply) {
  assert(locked_ && status_.ok());
  const Journal::Ticket ticket = books_.journal().EnterOwed(std::move(changes_));
  Unpin();
  apply(tables());
  EndRequest();
  Unlock();
  return ticket;
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_TRANSACTION_H_
