// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SERVICE_LANE_RIG_H_
#define PERCPUD_TESTS_UNIT_SERVICE_LANE_RIG_H_

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>

#include "absl/time/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/service/memory_service.h"
#include "server/service/session_service.h"
#include "server/service/session_stream.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud::testing {

// For what takes no time unless something is wrong.
inline constexpr absl::Duration kPatience = absl::Seconds(20);

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
    RankedLock lock(&mu_);
    visited_ = shut_;
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

  PageSource& real_;
  RankedMutex mu_{LockRank::kLeaf};
  bool shut_ ABSL_GUARDED_BY(mu_) = false;
  bool visited_ ABSL_GUARDED_BY(mu_) = false;
};

// The hot lane behind one connection, made as the daemon makes its own, with
// MemoryService and SessionService on it. (gRPC's in-process transport cuts
// calls off when the server goes down.)
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
    grpc::ServerBuilder builder;
    sessions_ = std::make_unique<Sessions>(*allocator_, Options());
    updater_ = std::make_unique<Updater>(allocator_->info(), PlaceCpus(allocator_->info(), 1),
                                         Updater::Mode::kAtomic, 1);
    // Nobody asked the kernel who is behind the connection.
    callers_ = std::make_unique<Callers>(*sessions_, AccessRules{.remote = Role::kOperator});
    service_ = std::make_unique<MemoryService>(
        MemoryContext{
            .allocator = *allocator_, .sessions = *sessions_, .updater = *updater_, .limits = {}},
        *callers_, builder);
    session_service_ = std::make_unique<SessionService>(*sessions_, *callers_, ServiceLimits());
    builder.RegisterService(session_service_.get());
    server_ = builder.BuildAndStart();
    SessionStream::Post(service_->lane(), service_->context(), *callers_, *session_service_);
    service_->Start();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    grpc::AddInsecureChannelFromFd(server_.get(), ends[0]);
    const auto channel = grpc::CreateInsecureChannelFromFd("test", ends[1]);
    stub_ = v1::MemoryService::NewStub(channel);
    session_stub_ = v1::SessionService::NewStub(channel);
  }

  Sessions::Options Options() {
    Sessions::Options options;
    options.clock = &clock_;
    return options;
  }

  void TearDown() override { ShutDown(absl::Now() + kPatience); }
  // Idempotent. Calls that last until `cut_off` are cancelled.
  void ShutDown(absl::Time cut_off) {
    server_->Shutdown(absl::ToChronoTime(cut_off));
    service_->Close();
  }

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

  HeapPageSource memory_{Bytes(2 << 20)};
  GatedPageSource pages_{memory_};
  FakeClock clock_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<MemoryService> service_;
  std::unique_ptr<SessionService> session_service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::MemoryService::Stub> stub_;
  std::unique_ptr<v1::SessionService::Stub> session_stub_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SERVICE_LANE_RIG_H_
