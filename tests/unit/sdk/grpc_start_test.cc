// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/grpc_start.h"

#include <grpc/grpc.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <new>

#include "tests/unit/sdk/scarce_memory.h"

namespace percpu::wire {
namespace {

// No thread is to be had while this lives: there is no memory for its stack.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t greedy;
    pthread_attr_init(&greedy);
    pthread_attr_setstacksize(&greedy, std::size_t{1} << 50);
    pthread_setattr_default_np(&greedy);
    pthread_attr_destroy(&greedy);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_{};
};

TEST(StartGrpcTest, AShortageIsPassing) {
  EXPECT_EXIT(
      {
        bool refused = false;
        {
          const NoThreads shortage;
          refused = absl::IsResourceExhausted(StartGrpc());
        }
        _exit(refused && StartGrpc().ok() && StartGrpc().ok() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

bool IsRefusedWithoutDescriptors() {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  const bool refused = absl::IsResourceExhausted(StartGrpc());
  setrlimit(RLIMIT_NOFILE, &before);
  return refused;
}

TEST(StartGrpcTest, AShortageOfDescriptorsIsPassing) {
  EXPECT_EXIT(_exit(IsRefusedWithoutDescriptors() && StartGrpc().ok() ? 0 : 1),
              ::testing::ExitedWithCode(0), "");
}

// No matter between which two probes memory runs out. What gRPC itself allocates comes later.
TEST(StartGrpcTest, AWantOfMemoryEndsNoThreadByForce) {
  for (int allocations = 0; allocations < 15; ++allocations) {
    EXPECT_EXIT(
        {
          testing::left_to_allocate = allocations;
          bool ran_out = false;
          try {
            ran_out = !StartGrpc().ok();
          } catch (const std::bad_alloc&) {
            ran_out = true;
          }
          testing::left_to_allocate = testing::kUnlimited;
          _exit(ran_out && StartGrpc().ok() ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "")
        << allocations;
  }
}

// The program has started gRPC by itself, and did not notice.
TEST(StartGrpcTest, AThreadThatGrpcLacksIsSaid) {
  EXPECT_EXIT(
      {
        {
          const NoThreads shortage;
          grpc_init();
        }
        const absl::Status first = StartGrpc();
        const absl::Status second = StartGrpc();
        _exit(absl::IsResourceExhausted(first) && first == second ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace percpu::wire
