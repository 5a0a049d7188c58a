// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_ROW_STATE_H_
#define PERCPUD_SERVER_BASE_ROW_STATE_H_

#include <cstdint>

namespace percpud {

// How far a row of the books has come into the catalog. A row that is not
// settled belongs to one transaction: other changes of it wait.
//
//              enter                    commit
//     (none) --------> kEntered -----------------> kSettled <---+
//        ^                |                           |         | commit fails,
//        |                | commit fails       change |         | or keeps the row
//        |                v                           v         |
//        +----------------+ <------------------- kChanging -----+
//                            commit removes it
enum class RowState : std::uint8_t {
  // Not there for anybody but its transaction.
  kEntered,
  kSettled,
  // There, as it was, until the change of it is committed.
  kChanging,
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_ROW_STATE_H_
