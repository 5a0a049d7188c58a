// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SERVICE_LANE_RIG_H_
#define PERCPUD_TESTS_UNIT_SERVICE_LANE_RIG_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "absl/time/clock.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/service/rpc_server.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"
#include "tests/unit/service/rpc_rig.h"

namespace percpud::testing {

// Another source whose Populate stops while the gate is shut.
class GatedPageSource final : public PageSource {
 public:
  explicit GatedPageSource(PageSource& real) : real_(real) {}

  void Shut() { Set(true); }
  void Open() { Set(false); }
  // Returns when somebody stands at the shut gate.
  [[nodiscard]] bool AwaitVisitor() {
    RankedLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(&visited_), kPatience);
  }

  [[nodiscard]] Bytes size() const override { return real_.size(); }
  [[nodiscard]] Bytes page_size() const override { return real_.page_size(); }
  [[nodiscard]] std::byte* base() const override { return real_.base(); }
  absl::Status Populate(Bytes offset, Bytes length) override {
    NoteVisit();
    RankedLock lock(&mu_);
    mu_.Await(absl::Condition(
        +[](bool* shut) { return !*shut; }, &shut_));
    return real_.Populate(offset, length);
  }
  absl::Status Release(Bytes offset, Bytes length) override {
    return real_.Release(offset, length);
  }

 private:
  void Set(bool shut) {
    RankedLock lock(&mu_);
    shut_ = shut;
  }

  void NoteVisit() {
    RankedLock lock(&mu_);
    visited_ = shut_;
  }

  PageSource& real_;
  RankedMutex mu_{LockRank::kLeaf};
  bool shut_ ABSL_GUARDED_BY(mu_) = false;
  bool visited_ ABSL_GUARDED_BY(mu_) = false;
};

// The server behind one connection, as the daemon has it, over memory that can be made
// to wait.
class LaneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = MakeAllocator({.cpus = 4,
                               .unit_size = Bytes(64 << 10),
                               .static_size = Bytes(4096),
                               .reserved_size = Bytes(0),
                               .arena_size = memory_.size(),
                               .backend = "km"},
                              pages_, {});
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
    sessions_ = std::make_unique<Sessions>(*allocator_, Options());
    updater_ = std::make_unique<Updater>(allocator_->info(), PlaceCpus(allocator_->info(), 1),
                                         Updater::Mode::kAtomic, 1);
    // Nobody asked the kernel who is behind the connection.
    callers_ = std::make_unique<Callers>(*sessions_, AccessRules{.remote = Role::kOperator});
    RpcServer::Options options;
    options.round = round_;
    options.answers = answers_;
    auto server = RpcServer::Start(*allocator_, *sessions_, *updater_, *callers_, options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = ChannelTo(*server_);
    stub_ = v1::MemoryService::NewStub(channel);
    session_stub_ = v1::SessionService::NewStub(channel);
  }

  Sessions::Options Options() {
    Sessions::Options options;
    options.clock = &clock_;
    return options;
  }

  void TearDown() override { ShutDown(NowSinceBoot() + kPatience); }
  // Idempotent. Calls that last until `cut_off` are cancelled.
  void ShutDown(BootTime cut_off) { server_->Drain(cut_off); }
  // Returns when no call sleeps.
  void Settle() { server_->lane().slow_lane().AwaitIdle(NowSinceBoot() + kPatience); }

  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response* response,
                    absl::Duration patience = kPatience) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
    return (stub_.get()->*method)(&context, request, response);
  }
  grpc::Status Ping(absl::Duration patience = kPatience) {
    v1::PingResponse response;
    return Call(&v1::MemoryService::Stub::Ping, v1::PingRequest(), &response, patience);
  }
  grpc::Status Alloc(std::uint64_t size, std::uint64_t* pointer = nullptr) {
    v1::AllocRequest request;
    request.add_sizes_bytes(size);
    v1::AllocResponse response;
    const grpc::Status status = Call(&v1::MemoryService::Stub::Alloc, request, &response);
    if (status.ok() && pointer != nullptr) *pointer = response.pointers(0);
    return status;
  }

  // Set before SetUp: how soon what is not read is cut off.
  absl::Duration round_ = HotLane::kRound;
  // The same: how much may be left unread.
  AnswerRoom::Limits answers_;
  HeapPageSource memory_{Bytes(2 << 20)};
  GatedPageSource pages_{memory_};
  FakeClock clock_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::MemoryService::Stub> stub_;
  std::unique_ptr<v1::SessionService::Stub> session_stub_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SERVICE_LANE_RIG_H_
