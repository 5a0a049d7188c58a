// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who has opened what outlives its sessions, and memory that was taken away under
// openers. A process that has the arena mapped cannot be stopped from writing to
// what it has opened, so such memory is granted again only when every session
// that opened it has ended.
//
//   open by 7, 9 --- removed by force ---> quarantine, open by 7, 9
//                                             9 ends: open by 7
//                                             7 ends: free

#ifndef PERCPUD_SERVER_SESSION_OPENERS_H_
#define PERCPUD_SERVER_SESSION_OPENERS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/base/identity.h"
#include "server/base/units.h"
#include "server/session/access/caller.h"

namespace percpud {

// Memory that waits for its openers to end.
struct QuarantinedArea {
  PercpuPtr pointer;
  Bytes size;
  // Who stays charged for it.
  Identity maker;
};

// Not thread safe: the books' lock guards it.
class Openers {
 public:
  Openers() = default;
  Openers(const Openers&) = delete;
  Openers& operator=(const Openers&) = delete;

  // False if the session has it open already.
  bool Add(PercpuPtr area, SessionId session);
  // The session has ended, or never got it. Returns what nobody has open any more
  // and so leaves the quarantine. REQUIRES: the session has it open.
  std::optional<QuarantinedArea> Remove(PercpuPtr area, SessionId session);
  // REQUIRES: somebody has it open; it is not in quarantine.
  void Quarantine(const QuarantinedArea& area);

  [[nodiscard]] bool IsOpen(PercpuPtr area, SessionId session) const;
  // How many sessions have it open.
  [[nodiscard]] std::size_t Count(PercpuPtr area) const;
  [[nodiscard]] bool IsQuarantined(PercpuPtr area) const;
  // By pointer, after `after`, `limit` at most.
  [[nodiscard]] std::vector<QuarantinedArea> ListQuarantined(PercpuPtr after,
                                                             std::size_t limit) const;

 private:
  absl::flat_hash_map<PercpuPtr, absl::flat_hash_set<SessionId>> openers_;
  std::map<PercpuPtr, QuarantinedArea> quarantine_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_OPENERS_H_
