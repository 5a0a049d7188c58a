// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_READING_SERVICE_H_
#define PERCPUD_SERVER_FLEET_READING_SERVICE_H_

#include <utility>

#include "absl/status/status.h"
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

// What hosts have, or why that is not known.
template <typename Response>
struct FoundSum {
  grpc::Status status;
  Response response;
};

// Asks all hosts, and adds up what they have. Thread safe.
class FleetSums {
 public:
  template <typename Response>
  using Told = typename SharedRounds<FoundSum<Response>>::Told;

  // All outlive it.
  FleetSums(const Directory& directory, HostChannels& channels, Deadlines& deadlines,
            const Clock& clock)
      : directory_(directory), channels_(channels), deadlines_(deadlines), clock_(clock) {}

  // Has `told` called by the thread that asks hosts for the same just now. False: none does.
  bool Join(const v1::SumFamilyRequest& request, const Told<v1::SumFamilyResponse>& told);
  bool Join(const v1::SumVariablesRequest& request, const Told<v1::SumVariablesResponse>& told);
  // Joins, or waits for hosts, as long as the request says at most, and tells what they have.
  void Find(const v1::SumFamilyRequest& request, const Told<v1::SumFamilyResponse>& told);
  void Find(const v1::SumVariablesRequest& request, const Told<v1::SumVariablesResponse>& told);

 private:
  absl::Status FindFamily(const v1::SumFamilyRequest& request,
                          v1::SumFamilyResponse& response) const;
  absl::Status FindVariables(const v1::SumVariablesRequest& request,
                             v1::SumVariablesResponse& response) const;
  // Asks all hosts of the view by that method, and has `add` add what each says; writes what the
  // answer is of. Errors: add's, unless what is available will do; Judge's.
  template <typename Response, typename Request, typename Add>
  absl::Status AskAll(const char* method, const Request& request, const v1::Asking& asking, Add add,
                      v1::Round& round) const;

  const Directory& directory_;
  HostChannels& channels_;
  Deadlines& deadlines_;
  const Clock& clock_;
  SharedRounds<FoundSum<v1::SumFamilyResponse>> families_;
  SharedRounds<FoundSum<v1::SumVariablesResponse>> variables_;
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
  // A few threads do: callers who ask for the same share a round, and take no thread. A user who
  // waits for hosts that do not answer has some of them. Root has its own, for it looks when users
  // have taken all.
  static constexpr int kThreads = 8;
  static constexpr int kMostOfUser = 2;

  // Answers with what hosts have: when it is the caller's turn, or with what somebody else's turn
  // finds out just now.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext& context, const Request& request,
                                   Response& response);

  FleetSums& sums_;
  UnreadAnswers& unread_;
  Payers payers_;
  Turns rounds_{"fleet-rounds", kThreads, kMostOfUser};
  Turns roots_{"fleet-root", kMostOfUser, kMostOfUser};
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_READING_SERVICE_H_
