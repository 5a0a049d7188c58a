// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/rpc/rpc_load.h"
#include "proto/percpud/abi/v1/wire.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace percpud::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Stub = v1::MemoryService::Stub;

constexpr std::uint64_t kCounterSize = 8;
constexpr auto kCallLimit = std::chrono::seconds(30);

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// One call at a time, with messages that keep their memory.
template <typename Request, typename Response, auto kPrepare>
class UnaryCall {
 public:
  Request request;
  Response response;

  void Start(Stub& stub, const std::string* token, grpc::CompletionQueue& queue, void* tag) {
    began_ = Clock::now();
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + kCallLimit);
    if (token != nullptr) context_->AddMetadata(percpud::abi::v1::kTokenKey, *token);
    reader_ = (stub.*kPrepare)(&*context_, request, &queue);
    reader_->StartCall();
    reader_->Finish(&response, &status_, tag);
  }

  // When the tag has come back.
  absl::Status Note(Samples& samples) const {
    samples.micros.push_back(1e6 * Seconds(Clock::now() - began_));
    if (status_.ok()) return absl::OkStatus();
    return {static_cast<absl::StatusCode>(status_.error_code()), status_.error_message()};
  }

 private:
  Clock::time_point began_;
  // Is for one call; made anew in place.
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
  grpc::Status status_;
};

using PingCall = UnaryCall<v1::PingRequest, v1::PingResponse, &Stub::PrepareAsyncPing>;
using ReadCall = UnaryCall<v1::ReadRequest, v1::ReadResponse, &Stub::PrepareAsyncRead>;
using AllocCall = UnaryCall<v1::AllocRequest, v1::AllocResponse, &Stub::PrepareAsyncAlloc>;
using FreeCall = UnaryCall<v1::FreeRequest, v1::FreeResponse, &Stub::PrepareAsyncFree>;

}  // namespace

double Samples::Percentile(double p) const {
  std::vector<double> values = micros;
  const auto at = static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// A place in the window of calls in flight: it makes one call after another,
// with itself as the tag.
class RpcLoad::Slot {
 public:
  virtual ~Slot() = default;
  virtual void Start() = 0;
  // The call has come back: starts the next, unless a turn is complete and
  // `last` says that it is enough. True if it started one.
  virtual absl::StatusOr<bool> Next(bool last) = 0;
};

template <typename Call>
class RpcLoad::RepeatedSlot : public Slot {
 public:
  template <typename Request>
  RepeatedSlot(RpcLoad& load, const Request& request, Samples& samples)
      : load_(load), samples_(samples) {
    call_.request = request;
  }

  void Start() override {
    const Exit exit = load_.NextExit();
    call_.Start(*exit.stub, exit.token, load_.queue_, this);
  }

  absl::StatusOr<bool> Next(bool last) override {
    if (absl::Status status = call_.Note(samples_); !status.ok()) return status;
    if (!last) Start();
    return !last;
  }

 private:
  RpcLoad& load_;
  Samples& samples_;
  Call call_;
};

class RpcLoad::AllocFreeSlot : public Slot {
 public:
  AllocFreeSlot(RpcLoad& load, int areas, AllocFreeSamples& samples)
      : load_(load), samples_(samples) {
    alloc_.request.mutable_sizes_bytes()->Resize(areas, kCounterSize);
  }

  void Start() override {
    freeing_ = false;
    exit_ = load_.NextExit();
    alloc_.Start(*exit_.stub, exit_.token, load_.queue_, this);
  }

  absl::StatusOr<bool> Next(bool last) override {
    const absl::Status status = freeing_ ? free_.Note(samples_.free) : alloc_.Note(samples_.alloc);
    if (!status.ok()) return status;
    if (!freeing_) {
      freeing_ = true;
      free_.request.mutable_pointers()->Swap(alloc_.response.mutable_pointers());
      free_.Start(*exit_.stub, exit_.token, load_.queue_, this);
      return true;
    }
    if (!last) Start();
    return !last;
  }

 private:
  RpcLoad& load_;
  AllocFreeSamples& samples_;
  bool freeing_ = false;
  // How the Alloc ended, and so the Free.
  Exit exit_{};
  AllocCall alloc_;
  FreeCall free_;
};

grpc::ChannelArguments LoadArguments() {
  grpc::ChannelArguments arguments;
  // A retry would hide what it costs, and being ready for one costs a tenth.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

RpcLoad::RpcLoad(const std::string& address, int channels) {
  for (int i = 0; i < channels; ++i) {
    stubs_.push_back(v1::MemoryService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), LoadArguments())));
  }
}

RpcLoad::RpcLoad(const std::shared_ptr<grpc::Channel>& channel) {
  stubs_.push_back(v1::MemoryService::NewStub(channel));
}

RpcLoad::Exit RpcLoad::NextExit() {
  const std::size_t turn = turn_++;
  return {.stub = stubs_[turn % stubs_.size()].get(),
          .token = tokens_.empty() ? nullptr : &tokens_[turn % tokens_.size()]};
}

absl::StatusOr<double> RpcLoad::Drive(const std::vector<std::unique_ptr<Slot>>& slots,
                                      absl::Duration duration) {
  const Clock::time_point began = Clock::now();
  const Clock::time_point enough = began + absl::ToChronoNanoseconds(duration);
  for (const auto& slot : slots) slot->Start();
  absl::Status failure;
  void* tag = nullptr;
  bool ok = false;
  for (std::size_t active = slots.size(); active > 0 && queue_.Next(&tag, &ok);) {
    const bool last = !failure.ok() || Clock::now() >= enough;
    const absl::StatusOr<bool> goes_on = static_cast<Slot*>(tag)->Next(last);
    if (!goes_on.ok()) failure.Update(goes_on.status());
    if (!goes_on.ok() || !*goes_on) --active;
  }
  if (!failure.ok()) return failure;
  return Seconds(Clock::now() - began);
}

template <typename Call, typename Request>
absl::StatusOr<Samples> RpcLoad::Repeat(int in_flight, const Request& request,
                                        absl::Duration duration) {
  Samples samples;
  std::vector<std::unique_ptr<Slot>> slots;
  slots.reserve(static_cast<std::size_t>(in_flight));
  for (int i = 0; i < in_flight; ++i) {
    slots.push_back(std::make_unique<RepeatedSlot<Call>>(*this, request, samples));
  }
  const absl::StatusOr<double> seconds = Drive(slots, duration);
  if (!seconds.ok()) return seconds.status();
  samples.seconds = *seconds;
  return samples;
}

absl::StatusOr<Samples> RpcLoad::Ping(int in_flight, absl::Duration duration) {
  return Repeat<PingCall>(in_flight, v1::PingRequest(), duration);
}

absl::StatusOr<Samples> RpcLoad::Read(int in_flight, std::uint64_t pointer, std::uint64_t bytes,
                                      absl::Duration duration) {
  v1::ReadRequest request;
  request.set_pointer(pointer);
  request.set_length_bytes(bytes);
  return Repeat<ReadCall>(in_flight, request, duration);
}

absl::StatusOr<AllocFreeSamples> RpcLoad::AllocFree(int in_flight, int areas,
                                                    absl::Duration duration) {
  AllocFreeSamples samples;
  std::vector<std::unique_ptr<Slot>> slots;
  slots.reserve(static_cast<std::size_t>(in_flight));
  for (int i = 0; i < in_flight; ++i) {
    slots.push_back(std::make_unique<AllocFreeSlot>(*this, areas, samples));
  }
  const absl::StatusOr<double> seconds = Drive(slots, duration);
  if (!seconds.ok()) return seconds.status();
  samples.alloc.seconds = samples.free.seconds = *seconds;
  return samples;
}

absl::Status RpcLoad::Fill(int areas, int per_call) {
  for (int left = areas; left > 0; left -= per_call) {
    const Exit exit = NextExit();
    grpc::ClientContext context;
    if (exit.token != nullptr) context.AddMetadata(percpud::abi::v1::kTokenKey, *exit.token);
    v1::AllocRequest request;
    v1::AllocResponse response;
    request.mutable_sizes_bytes()->Resize(std::min(left, per_call), kCounterSize);
    const grpc::Status status = exit.stub->Alloc(&context, request, &response);
    if (!status.ok()) {
      return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
    }
  }
  return absl::OkStatus();
}

}  // namespace percpud::bench
