// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What to do about a notice (percpud.h), in words for those who run the program.

#ifndef PERCPUD_CLIENT_C_ADVICE_H_
#define PERCPUD_CLIENT_C_ADVICE_H_

#include <cerrno>
#include <cstdint>

namespace percpud::c {

// The daemon cannot be reached, with that errno.
inline const char* AdviceToReach(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "this user may not connect: add it to the group of the socket";
    case EINVAL:
      return "an address is unix:PATH, with a path of less than 100 bytes";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files";
    default:
      return "start percpud, or set PERCPUD_ADDRESS to where it is";
  }
}

inline constexpr char kAdviceToUpgrade[] = "upgrade percpud on this host to this library's version";

// This process maps the arena and may not write it. `can_rseq`: sequences work in it.
inline const char* AdviceToMap(bool can_rseq) {
  return can_rseq ? "this user may only look: give it the role client; until then everything is "
                    "counted in this process"
                  : "restartable sequences do not work in this process (valgrind, seccomp, or "
                    "glibc.pthread.rseq=0 with a kernel before 4.18): percpud_poll sends counters "
                    "to the daemon, and series are counted in this process";
}

// A series was refused with that google.rpc.Code.
inline const char* AdviceToOpen(std::uint16_t code) {
  switch (code) {
    case 3:  // INVALID_ARGUMENT
      return "correct its name, labels or bounds; until then it is counted in this process";
    case 7:  // PERMISSION_DENIED
      return "give this user the role client, and a namespace of its own or of a group that it is "
             "in; until then it is counted in this process";
    case 8:  // RESOURCE_EXHAUSTED
      return "it is counted in this process until there is room";
    case 9:  // FAILED_PRECONDITION
      return "open it with one shape everywhere, or under another name; until then it is counted "
             "in this process";
    case 12:  // UNIMPLEMENTED
      return kAdviceToUpgrade;
    default:
      return "it is counted in this process";
  }
}

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_ADVICE_H_
