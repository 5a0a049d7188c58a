// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_service.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/ranked_mutex.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

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

// The hot lane behind one connection, made as the daemon makes its own. (gRPC's
// in-process transport cuts calls off when the server goes down.)
class MemoryServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeAllocator({.cpus = 4,
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
    server_ = builder.BuildAndStart();
    service_->Start();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    grpc::AddInsecureChannelFromFd(server_.get(), ends[0]);
    stub_ = v1::MemoryService::NewStub(grpc::CreateInsecureChannelFromFd("test", ends[1]));
  }

  Sessions::Options Options() {
    Sessions::Options options;
    options.clock = &clock_;
    return options;
  }

  void TearDown() override {
    server_->Shutdown(absl::ToChronoTime(absl::Now() + kPatience));
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
    request.add_sizes(size);
    v1::AllocResponse response;
    const grpc::Status status = Call(&v1::MemoryService::Stub::Alloc, request, &response);
    if (status.ok() && pointer != nullptr) *pointer = response.pointers(0);
    return status;
  }

  testing::HeapPageSource memory_{Bytes(2 << 20)};
  GatedPageSource pages_{memory_};
  testing::FakeClock clock_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<MemoryService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::MemoryService::Stub> stub_;
};

TEST_F(MemoryServiceTest, AChunkInTheMakingHoldsUpNobodyElse) {
  pages_.Shut();
  grpc::Status grown;
  std::thread grower([&] { grown = Alloc(64 << 10); });
  ASSERT_TRUE(pages_.AwaitVisitor());
  EXPECT_TRUE(Ping().ok());
  EXPECT_TRUE(Alloc(8).ok());
  pages_.Open();
  grower.join();
  EXPECT_TRUE(grown.ok()) << grown.error_message();
  EXPECT_EQ(allocator_->GetStats().nr_chunks, 2U);
}

TEST_F(MemoryServiceTest, CallsFromManyThreadsAllCount) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 200;
  std::uint64_t counter = 0;
  ASSERT_TRUE(Alloc(8, &counter).ok());
  std::vector<std::thread> threads;
  for (std::uint32_t unit = 0; unit < kThreads; ++unit) {
    threads.emplace_back([&, unit] {
      v1::AddRequest request;
      request.set_pointer(counter);
      request.set_unit(unit);
      request.set_delta(1);
      for (int i = 0; i < kCalls; ++i) {
        v1::AddResponse response;
        EXPECT_TRUE(Call(&v1::MemoryService::Stub::Add, request, &response).ok());
        EXPECT_EQ(response.value(), i + 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  v1::SumRequest request;
  request.set_pointer(counter);
  v1::SumResponse response;
  ASSERT_TRUE(Call(&v1::MemoryService::Stub::Sum, request, &response).ok());
  EXPECT_EQ(response.sum(), kThreads * kCalls);
}

TEST_F(MemoryServiceTest, ARefusalKeepsItsCodeAndItsWords) {
  const grpc::Status status = Alloc(0);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "sizes: 0 is not a size");
  EXPECT_TRUE(Ping().ok());
}

TEST_F(MemoryServiceTest, ACallNeverSeesWhatAnotherLeftInItsMessages) {
  for (int round = 0; round < 200; ++round) {
    v1::AllocRequest request;
    for (int i = 0; i <= round % 3; ++i) request.add_sizes(8);
    if (round % 2 == 0) request.set_tag("even");
    v1::AllocResponse granted;
    ASSERT_TRUE(Call(&v1::MemoryService::Stub::Alloc, request, &granted).ok());
    ASSERT_EQ(granted.pointers_size(), round % 3 + 1);
    const auto owner = allocator_->Resolve(PercpuPtr(granted.pointers(0)));
    ASSERT_TRUE(owner.ok());
    EXPECT_EQ(owner->area.tag, round % 2 == 0 ? "even" : "");
    v1::FreeRequest free;
    *free.mutable_pointers() = granted.pointers();
    v1::FreeResponse freed;
    ASSERT_TRUE(Call(&v1::MemoryService::Stub::Free, free, &freed).ok());
    EXPECT_EQ(freed.freed_bytes(), 8U * granted.pointers_size());
  }
}

TEST_F(MemoryServiceTest, ShuttingDownWaitsForTheSlowLane) {
  pages_.Shut();
  grpc::Status grown;
  std::thread grower([&] { grown = Alloc(64 << 10); });
  ASSERT_TRUE(pages_.AwaitVisitor());
  std::thread closer([&] {
    server_->Shutdown(absl::ToChronoTime(absl::Now() + kPatience));
    service_->Close();
  });
  // A server that goes down answers no new call.
  while (Ping(absl::Milliseconds(200)).ok()) {
  }
  pages_.Open();
  grower.join();
  closer.join();
  EXPECT_TRUE(grown.ok()) << grown.error_message();
}

}  // namespace
}  // namespace percpud
