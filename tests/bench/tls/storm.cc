// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/tls/storm.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "percpud/v1/memory.grpc.pb.h"
#include "tests/bench/report/neighbours.h"
#include "tests/bench/rpc/rpc_load.h"
#include "tests/support/tls_peers.h"

namespace percpud::bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

// One client, which is the tag of its call.
class StormClient {
 public:
  void Call(const std::string& address,
            const std::shared_ptr<grpc::ChannelCredentials>& credentials,
            grpc::CompletionQueue& queue) {
    // The pauses of the SDK, where the gateway has no place.
    grpc::ChannelArguments arguments = LoadArguments();
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    const auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
    stub_ = v1::MemoryService::NewStub(channel);
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + kPatience);
    context_->set_wait_for_ready(true);
    reader_ = stub_->PrepareAsyncPing(&*context_, {}, &queue);
    reader_->StartCall();
    reader_->Finish(&response_, &status_, this);
  }
  [[nodiscard]] bool is_answered() const { return status_.ok(); }

 private:
  std::unique_ptr<v1::MemoryService::Stub> stub_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PingResponse>> reader_;
  v1::PingResponse response_;
  grpc::Status status_;
};

}  // namespace

void Rage(const Storm& storm) {
  const auto credentials = testing::CredentialsOf(storm.files);
  grpc::CompletionQueue queue;
  std::vector<StormClient> clients(static_cast<std::size_t>(storm.clients));
  for (StormClient& client : clients) client.Call(storm.address, credentials, queue);
  bool is_under_way = false;
  void* tag = nullptr;
  for (bool ok = false; queue.Next(&tag, &ok);) {
    auto& client = *static_cast<StormClient*>(tag);
    if (client.is_answered()) {
      if (!std::exchange(is_under_way, true)) std::cout << kUnderWay << std::endl;
      std::cout << kAnswered << std::endl;
    }
    client.Call(storm.address, credentials, queue);
  }
  std::abort();
}

}  // namespace percpud::bench
