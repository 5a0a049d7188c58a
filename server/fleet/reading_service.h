// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_READING_SERVICE_H_
#define PERCPUD_SERVER_FLEET_READING_SERVICE_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpud/fleet/v1/reading.grpc.pb.h"
#include "percpud/v1/reading.pb.h"
#include "server/base/clock.h"
#include "server/fleet/deadlines.h"
#include "server/fleet/directory.h"
#include "server/fleet/fan_out.h"
#include "server/fleet/host_channels.h"
#include "server/fleet/judge.h"
#include "server/fleet/payers.h"
#include "server/fleet/shared_rounds.h"
#include "server/fleet/turns.h"
#include "server/fleet/unread_answers.h"

namespace percpud::fleet {

// Asks all hosts, and adds up what they have. Thread safe.
class FleetSums {
 public:
  // All outlive it.
  FleetSums(const Directory& directory, HostChannels& channels, Deadlines& deadlines,
            const Clock& clock)
      : directory_(directory), channels_(channels), deadlines_(deadlines), clock_(clock) {}

  // Each waits for hosts, as long as the request says at most.
  grpc::Status SumFamily(const v1::SumFamilyRequest& request, v1::SumFamilyResponse& response);
  grpc::Status SumVariables(const v1::SumVariablesRequest& request,
                            v1::SumVariablesResponse& response);

 private:
  using Family = absl::StatusOr<v1::SumFamilyResponse>;
  using Variables = absl::StatusOr<v1::SumVariablesResponse>;

  [[nodiscard]] Family FindFamily(const v1::SumFamilyRequest& request) const;
  [[nodiscard]] Variables FindVariables(const v1::SumVariablesRequest& request) const;
  // Asks all hosts of the view by that method, and has `add` add what each says; writes what the
  // answer is of. Errors: add's, unless what is available will do; Judge's.
  template <typename Response, typename Request, typename Add>
  absl::Status AskAll(const char* method, const Request& request, const v1::Asking& asking, Add add,
                      v1::Round& round) const;

  const Directory& directory_;
  HostChannels& channels_;
  Deadlines& deadlines_;
  const Clock& clock_;
  SharedRounds<Family> families_;
  SharedRounds<Variables> variables_;
};

// Gives these sums. By callbacks: its threads wait for hosts, and none for who does not read.
// Thread safe.
class FleetReadingServiceImpl final : public v1::FleetReadingService::CallbackService {
 public:
  // Both outlive it.
  FleetReadingServiceImpl(FleetSums& sums, UnreadAnswers& unread) : sums_(sums), unread_(unread) {}

  grpc::ServerUnaryReactor* SumFamily(grpc::CallbackServerContext* context,
                                      const v1::SumFamilyRequest* request,
                                      v1::SumFamilyResponse* response) override;
  grpc::ServerUnaryReactor* SumVariables(grpc::CallbackServerContext* context,
                                         const v1::SumVariablesRequest* request,
                                         v1::SumVariablesResponse* response) override;

 private:
  // A few threads do: callers who ask for the same share a round. A user who waits for hosts that
  // do not answer has some of them.
  static constexpr int kThreads = 8;
  static constexpr int kMostOfUser = 2;

  // Has `sum` answer on a thread, when it is the caller's turn.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext& context, const Request& request,
                                   Response& response,
                                   grpc::Status (FleetSums::*sum)(const Request&, Response&));

  FleetSums& sums_;
  UnreadAnswers& unread_;
  Payers payers_;
  Turns rounds_{"fleet-rounds", kThreads, kMostOfUser};
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_READING_SERVICE_H_
