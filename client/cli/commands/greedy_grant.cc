// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/greedy_grant.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace percpu::cli {
namespace {

// A refusal for want of room is an outcome; anything else is a failure.
bool IsOutcome(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status);
}

bool AsksForNoLess(const AreaSpec& spec, const AreaSpec& other) {
  return spec.size_bytes >= other.size_bytes && spec.alignment >= other.alignment;
}

}  // namespace

absl::Status GreedyGrant::Run(std::span<const AreaSpec> specs, std::span<Pointer> out) {
  assert(specs.size() == out.size());
  specs_ = specs;
  out_ = out;
  std::vector<std::size_t> places(specs.size());
  std::iota(places.begin(), places.end(), 0);
  return Grant(places, /*is_refused=*/false);
}

absl::Status GreedyGrant::Grant(Places places, bool is_refused) {
  const std::vector<std::size_t> rest = LeaveOutRefused(places);
  if (rest.empty()) return absl::OkStatus();
  // Without those that were left out, the others may fit together. One is asked for in
  // any case: the refusal is the daemon's.
  if (is_refused && rest.size() == places.size() && rest.size() > 1) return Halve(rest);
  const absl::Status status = Ask(rest);
  if (status.ok() || !IsOutcome(status)) return status;
  if (rest.size() > 1) return Halve(rest);
  NoteRefusal(specs_[rest.front()], status);
  return absl::OkStatus();
}

absl::Status GreedyGrant::Halve(Places places) {
  const std::size_t half = places.size() / 2;
  const std::size_t refused_before = refused_;
  if (absl::Status status = Grant(places.first(half), false); !status.ok()) return status;
  // If all of the first half fits, the second half is what does not.
  return Grant(places.subspan(half), refused_ == refused_before);
}

absl::Status GreedyGrant::Ask(Places places) {
  std::vector<AreaSpec> specs;
  specs.reserve(places.size());
  for (const std::size_t place : places) specs.push_back(specs_[place]);
  const absl::StatusOr<std::vector<Pointer>> pointers = client_.AllocateBatch(specs);
  if (!pointers.ok()) return pointers.status();
  assert(pointers->size() == places.size());
  for (std::size_t i = 0; i < places.size(); ++i) out_[places[i]] = (*pointers)[i];
  granted_ += places.size();
  return absl::OkStatus();
}

std::vector<std::size_t> GreedyGrant::LeaveOutRefused(Places places) {
  std::vector<std::size_t> rest;
  rest.reserve(places.size());
  std::copy_if(places.begin(), places.end(), std::back_inserter(rest),
               [this](std::size_t place) { return !IsKnownRefused(specs_[place]); });
  refused_ += places.size() - rest.size();
  return rest;
}

bool GreedyGrant::IsKnownRefused(const AreaSpec& spec) const {
  return std::any_of(known_refused_.begin(), known_refused_.end(),
                     [&](const AreaSpec& refused) { return AsksForNoLess(spec, refused); });
}

// What is invalid says nothing of anything larger.
void GreedyGrant::NoteRefusal(const AreaSpec& spec, const absl::Status& status) {
  ++refused_;
  if (!absl::IsResourceExhausted(status)) return;
  std::erase_if(known_refused_,
                [&](const AreaSpec& refused) { return AsksForNoLess(refused, spec); });
  known_refused_.push_back(spec);
}

}  // namespace percpu::cli
