// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/answers.h"

#include <algorithm>
#include <cassert>
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

std::vector<Answers::Forgotten> Answers::Keep(RequestId request, Words words) {
  assert(!answers_.contains(request));
  std::vector<Forgotten> out;
  words_ += words.size();
  answers_.emplace(request, std::move(words));
  order_.push_back(request);
  ++next_order_;
  while (order_.size() > kKept || (words_ > kKeptWords && order_.size() > 1)) {
    const RequestId oldest = order_.front();
    out.push_back({.request = oldest, .words = Drop(oldest)});
    forgotten_ = std::max(forgotten_, oldest);
  }
  return out;
}

void Answers::TakeBack(RequestId request, std::vector<Forgotten> forgotten) {
  Drop(request);
  // What is kept again is known again, whatever `forgotten_` says of its like.
  for (auto answer = forgotten.rbegin(); answer != forgotten.rend(); ++answer) {
    words_ += answer->words.size();
    order_.push_front(answer->request);
    answers_.emplace(answer->request, std::move(answer->words));
  }
}

Answers::Words Answers::Drop(RequestId request) {
  const auto answer = answers_.find(request);
  if (answer == answers_.end()) return {};
  Words words = std::move(answer->second);
  words_ -= words.size();
  answers_.erase(answer);
  order_.erase(std::find(order_.begin(), order_.end(), request));
  return words;
}

}  // namespace percpud
