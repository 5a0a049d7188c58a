// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/answers.h"

#include <algorithm>
#include <utility>

#include "server/base/errors.h"

namespace percpud {

const Answers::Words* Answers::Find(RequestId request) const {
  const auto answer = answers_.find(request);
  return answer == answers_.end() ? nullptr : &answer->second;
}

absl::Status Answers::Begin(RequestId request) {
  if (request <= forgotten_ && !answers_.contains(request)) {
    return errors::AnswerForgotten(request.value());
  }
  if (!under_way_.insert(request).second) return errors::RequestUnderWay(request.value());
  return absl::OkStatus();
}

std::vector<RequestId> Answers::Keep(RequestId request, Words words) {
  std::vector<RequestId> out;
  words_ += words.size();
  answers_.insert_or_assign(request, std::move(words));
  order_.push_back(request);
  ++next_order_;
  while (order_.size() > kKept || (words_ > kKeptWords && order_.size() > 1)) {
    const RequestId oldest = order_.front();
    Forget(oldest);
    forgotten_ = std::max(forgotten_, oldest);
    out.push_back(oldest);
  }
  return out;
}

void Answers::Forget(RequestId request) {
  const auto answer = answers_.find(request);
  if (answer == answers_.end()) return;
  words_ -= answer->second.size();
  answers_.erase(answer);
  order_.erase(std::find(order_.begin(), order_.end(), request));
}

}  // namespace percpud
