// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/unread_answers.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {

// One answer, until it was taken or given up.
class UnreadAnswers::Reactor final : public grpc::ServerUnaryReactor {
 public:
  Reactor(UnreadAnswers& unread, std::string connection, std::shared_ptr<Turn> turn)
      : unread_(unread), connection_(std::move(connection)), turn_(std::move(turn)) {}

 private:
  void OnCancel() override {
    if (turn_->Begin()) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    unread_.Release(*turn_);
    unread_.Leave(connection_);
    delete this;
  }

  UnreadAnswers& unread_;
  const std::string connection_;
  const std::shared_ptr<Turn> turn_;
};

UnreadAnswers::Admitted UnreadAnswers::Admit(grpc::CallbackServerContext& context) {
  std::string connection = context.peer();
  if (Enter(connection)) {
    auto turn = std::make_shared<Turn>();
    return {.reactor = new Reactor(*this, std::move(connection), turn),
            .may_answer = true,
            .turn = turn};
  }
  grpc::ServerUnaryReactor* const refusal = context.DefaultReactor();
  refusal->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED,
                   absl::StrCat("the connection has not read ", kMostOfConnection,
                                " answers, which is the limit")});
  return {.reactor = refusal, .may_answer = false, .turn = nullptr};
}

grpc::Status UnreadAnswers::Hold(Turn& turn, const grpc::Status& status,
                                 google::protobuf::Message& answer) {
  if (!status.ok()) return status;
  const std::size_t bytes = answer.SpaceUsedLong();
  {
    const RankedLock lock(&mutex_);
    // There is always room for one.
    if (bytes_ == 0 || bytes_ + bytes <= kMostBytes) {
      bytes_ += bytes;
      turn.held_ = bytes;
      return status;
    }
  }
  answer.Clear();
  return {grpc::StatusCode::RESOURCE_EXHAUSTED,
          absl::StrCat("answers that callers have not read take ", kMostBytes >> 20,
                       " MiB, which is the limit")};
}

void UnreadAnswers::Release(Turn& turn) {
  const RankedLock lock(&mutex_);
  bytes_ -= turn.held_;
}

bool UnreadAnswers::Enter(const std::string& connection) {
  const RankedLock lock(&mutex_);
  int& count = counts_[connection];
  if (count >= kMostOfConnection) return false;
  ++count;
  return true;
}

void UnreadAnswers::Leave(const std::string& connection) {
  const RankedLock lock(&mutex_);
  const auto found = counts_.find(connection);
  if (--found->second == 0) counts_.erase(found);
}

bool UnreadAnswers::Has(const std::string& connection) const {
  const RankedLock lock(&mutex_);
  return counts_.contains(connection);
}

std::size_t UnreadAnswers::size() const {
  const RankedLock lock(&mutex_);
  return counts_.size();
}

}  // namespace percpud::fleet
