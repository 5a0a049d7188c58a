// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/unread_answers.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {

// One answer, until it was taken or given up.
class UnreadAnswers::Reactor final : public grpc::ServerUnaryReactor {
 public:
  Reactor(UnreadAnswers& unread, std::string connection)
      : unread_(unread), connection_(std::move(connection)) {}

 private:
  void OnDone() override {
    unread_.Leave(connection_);
    delete this;
  }

  UnreadAnswers& unread_;
  const std::string connection_;
};

UnreadAnswers::Admitted UnreadAnswers::Admit(grpc::CallbackServerContext& context) {
  std::string connection = context.peer();
  if (Enter(connection)) {
    return {.reactor = new Reactor(*this, std::move(connection)), .may_answer = true};
  }
  grpc::ServerUnaryReactor* const refusal = context.DefaultReactor();
  refusal->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED,
                   absl::StrCat("the connection has not read ", kMostOfConnection,
                                " answers, which is the limit")});
  return {.reactor = refusal, .may_answer = false};
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

}  // namespace percpud::fleet
