// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Memory that is put by for when none is to be had, as under a limit of address space. A
// thread that finds none in the middle of something takes from it and goes on: nothing
// ends half done, and no exception ends the process. Whatever would need more is not begun
// as long as a part of it is taken. The parts are address space that nobody has touched, so
// they cost none of the host's memory, and are large: a table that grows takes twice its size.

#ifndef PERCPUD_SERVER_BASE_MEMORY_RESERVE_H_
#define PERCPUD_SERVER_BASE_MEMORY_RESERVE_H_

#include "server/base/units.h"

namespace percpud {

// There is one of the process. Thread safe.
class MemoryReserve {
 public:
  static constexpr int kParts = 4;
  static constexpr Bytes kPart{8 << 20};

  MemoryReserve() = delete;

  // Has operator new take a part at a time where it finds no memory; behind the last part
  // it throws. Call it before there are threads.
  static void PutBy();
  // Puts by again what was taken. Returns false if that is not to be had: then nothing new is
  // to be begun. True where PutBy was not called. Costs little as long as all is there.
  static bool IsWhole();
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_MEMORY_RESERVE_H_
