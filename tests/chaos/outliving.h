// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What outlives a client: its variables, and a kept lease with areas. The next client of
// the slot has to find them as they were.

#ifndef PERCPUD_TESTS_CHAOS_OUTLIVING_H_
#define PERCPUD_TESTS_CHAOS_OUTLIVING_H_

#include <memory>
#include <random>
#include <string>

#include "percpu/session.h"
#include "tests/chaos/teller.h"

namespace percpu::chaos {

// A slot's variables. One thread at a time.
class Names {
 public:
  Names(Session& session, Teller& teller) : session_(session), teller_(teller) {}

  // Finds out what became of those that an earlier client was about to make or remove,
  // and expects all others. False if it could not be learned yet.
  bool Settle();
  // Makes or removes one.
  void Step(std::mt19937& random);
  void Verify();

 private:
  [[nodiscard]] std::string NameOf(std::size_t index) const;
  [[nodiscard]] Life life() const { return OutlivingLife(teller_.slot()); }
  bool SettleOne(std::size_t index);
  void Make(std::size_t index);
  void Remove(std::size_t index);

  Session& session_;
  Teller& teller_;
};

// A slot's kept lease. One thread at a time.
class KeptAreas {
 public:
  KeptAreas(Session& session, Teller& teller) : session_(session), teller_(teller) {}

  // Opens the lease, unless it is open. False if it cannot be had yet.
  bool Open();
  void Step(std::mt19937& random);
  void Verify();

 private:
  void Adopt(const Adoption& adoption);
  [[nodiscard]] Life life() const { return OutlivingLife(teller_.slot()); }

  Session& session_;
  Teller& teller_;
  std::unique_ptr<LeaseHeap> heap_;
};

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_OUTLIVING_H_
