// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The side door's lane under load, driven by hand with a window of requests in flight;
// and a bare echo over the same kind of socket, for what the kernel alone takes.

#ifndef PERCPUD_TESTS_BENCH_RPC_LANE_LOAD_H_
#define PERCPUD_TESTS_BENCH_RPC_LANE_LOAD_H_

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/unique_fd.h"
#include "tests/bench/rpc/rpc_load.h"

namespace percpud::bench {

// One connection of one session, one thread. The requests for which there is room in the
// window go out in one message. Not thread safe.
class LaneLoad {
 public:
  // Opens a session at the door of the daemon at "unix:PATH". Errors: the door's.
  static absl::StatusOr<std::unique_ptr<LaneLoad>> Open(const std::string& address);
  LaneLoad(const LaneLoad&) = delete;
  LaneLoad& operator=(const LaneLoad&) = delete;

  // Each keeps `in_flight` requests going for `duration`, then lets them end.
  // Errors: the first refusal; UNAVAILABLE if the connection breaks.
  absl::StatusOr<Samples> Ping(int in_flight, absl::Duration duration);
  // Allocates `areas` counters a request, and frees them.
  absl::StatusOr<AllocFreeSamples> AllocFree(int in_flight, int areas, absl::Duration duration);
  // Opens `count` series of a counter family, of which the first has the number `first`, in
  // one request, and waits for the answer. Errors: the first series' that is refused.
  absl::Status OpenSeries(const std::string& family, int first, int count);
  // Bytes of a series' labels.
  static constexpr std::size_t kLabelBytes = 16;

 private:
  using Clock = std::chrono::steady_clock;
  // Writes the next request of a slot, given the answer to its last one (null at first);
  // false if that was its last.
  using Turn = std::function<bool(std::size_t slot, const abi::v1::LaneAnswer* answer, bool last)>;

  explicit LaneLoad(UniqueFd fd) : fd_(std::move(fd)) {}
  absl::StatusOr<double> Drive(int in_flight, absl::Duration duration, const Turn& turn);
  absl::Status Send();
  // Takes in one message of answers; counts the slots that ended.
  absl::Status Receive(bool last, const Turn& turn, int& active);

  UniqueFd fd_;
  std::array<std::byte, abi::v1::kLaneMessageBytes> memory_;
  std::array<std::byte, abi::v1::kLaneMessageBytes> heard_;
  abi::v1::LaneRequestWriter ask_{memory_};
  // When each slot's request was made.
  std::vector<Clock::time_point> began_;
};

// A process that echoes messages over a SEQPACKET socket, and the client of it.
class EchoLoad {
 public:
  // Errors: what the system said.
  static absl::StatusOr<std::unique_ptr<EchoLoad>> Start();
  // Ends the process.
  ~EchoLoad();
  EchoLoad(const EchoLoad&) = delete;
  EchoLoad& operator=(const EchoLoad&) = delete;

  // Echoes messages as long as a Ping, one at a time.
  absl::StatusOr<Samples> Run(absl::Duration duration);

 private:
  EchoLoad(UniqueFd fd, pid_t process) : fd_(std::move(fd)), process_(process) {}

  UniqueFd fd_;
  const pid_t process_;
};

// Processor time that a process has used, in microseconds.
absl::StatusOr<double> ProcessorMicros(pid_t process);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_RPC_LANE_LOAD_H_
