// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/rpc/stream_load.h"
#include "proto/percpud/abi/v1/wire.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace percpud::bench {
namespace {

constexpr std::uint64_t kCounterSize = 8;
// The session's time to live: longer than any benchmark.
constexpr int kTtlSeconds = 3600;

// Tags of the queue.
enum class Step : std::intptr_t { kStarted = 1, kWritten, kRead };
void* Tag(Step step) { return reinterpret_cast<void*>(step); }

template <typename TimePoint>
double MicrosSince(TimePoint began) {
  return std::chrono::duration<double, std::micro>(TimePoint::clock::now() - began).count();
}

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

v1::AttachRequest AllocRequest() {
  v1::AttachRequest request;
  request.mutable_alloc()->add_sizes_bytes(kCounterSize);
  return request;
}

// What one thread of SdkLoad did.
struct Worker {
  AllocFreeSamples samples;
  absl::Status failure;

  void Run(percpu::Client& client, std::chrono::steady_clock::time_point enough) {
    using Clock = std::chrono::steady_clock;
    do {
      const Clock::time_point began = Clock::now();
      const auto area = client.Allocate({.size_bytes = kCounterSize});
      failure = area.status();
      if (!failure.ok()) return;
      samples.alloc.micros.push_back(MicrosSince(began));
      const Clock::time_point freeing = Clock::now();
      failure = client.Free(*area).status();
      if (!failure.ok()) return;
      samples.free.micros.push_back(MicrosSince(freeing));
    } while (Clock::now() < enough);
  }
};

void Append(Samples& samples, const Samples& more) {
  samples.micros.insert(samples.micros.end(), more.micros.begin(), more.micros.end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<StreamLoad>> StreamLoad::Open(const std::string& address) {
  auto load = std::unique_ptr<StreamLoad>(new StreamLoad);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  load->channel_ =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  load->stub_ = v1::SessionService::NewStub(load->channel_);
  v1::OpenSessionRequest request;
  request.set_command("bench_rpc");
  request.mutable_ttl()->set_seconds(kTtlSeconds);
  v1::OpenSessionResponse session;
  grpc::ClientContext context;
  absl::Status status = ToStatus(load->stub_->OpenSession(&context, request, &session));
  if (!status.ok()) return status;

  load->context_.AddMetadata(percpud::abi::v1::kTokenKey, session.token());
  load->stream_ = load->stub_->AsyncAttach(&load->context_, &load->queue_, Tag(Step::kStarted));
  void* tag = nullptr;
  if (status = load->Next(tag); !status.ok()) return status;
  return load;
}

StreamLoad::~StreamLoad() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

absl::Status StreamLoad::Next(void*& tag) {
  bool ok = false;
  if (queue_.Next(&tag, &ok) && ok) return absl::OkStatus();
  return absl::UnavailableError("the stream broke");
}

// One write at a time is gRPC's rule.
void StreamLoad::Write() {
  if (writing_ || outbox_.empty()) return;
  writing_ = true;
  grpc::WriteOptions options;
  if (outbox_.size() > 1) options.set_buffer_hint();
  stream_->Write(outbox_.front(), options, Tag(Step::kWritten));
  outbox_.pop_front();
}

bool StreamLoad::Send(std::size_t slot, v1::AttachRequest request) {
  if (request.call_case() == v1::AttachRequest::CALL_NOT_SET) return false;
  began_[slot] = Clock::now();
  request.set_call_id(slot);
  outbox_.push_back(std::move(request));
  Write();
  return true;
}

absl::StatusOr<double> StreamLoad::Drive(int in_flight, absl::Duration duration, const Turn& turn) {
  const Clock::time_point began = Clock::now();
  const Clock::time_point enough = began + absl::ToChronoNanoseconds(duration);
  began_.resize(static_cast<std::size_t>(in_flight));
  v1::AttachResponse answer;
  for (std::size_t slot = 0; slot < began_.size(); ++slot) {
    Send(slot, turn(slot, nullptr, /*last=*/false));
  }
  stream_->Read(&answer, Tag(Step::kRead));
  for (int active = in_flight; active > 0 || writing_;) {
    void* tag = nullptr;
    if (absl::Status status = Next(tag); !status.ok()) return status;
    if (tag == Tag(Step::kWritten)) {
      writing_ = false;
      Write();
      continue;
    }
    if (answer.code() != 0) {
      return absl::Status(static_cast<absl::StatusCode>(answer.code()), answer.message());
    }
    const std::size_t slot = answer.call_id();
    if (!Send(slot, turn(slot, &answer, Clock::now() >= enough))) --active;
    if (active > 0) stream_->Read(&answer, Tag(Step::kRead));
  }
  return MicrosSince(began) / 1e6;
}

absl::StatusOr<Samples> StreamLoad::Ping(int in_flight, absl::Duration duration) {
  Samples samples;
  const auto turn = [&](std::size_t slot, v1::AttachResponse* answer, bool last) {
    if (answer != nullptr) samples.micros.push_back(MicrosSince(began_[slot]));
    v1::AttachRequest request;
    if (!last) request.mutable_ping();
    return request;
  };
  const absl::StatusOr<double> seconds = Drive(in_flight, duration, turn);
  if (!seconds.ok()) return seconds.status();
  samples.seconds = *seconds;
  return samples;
}

absl::StatusOr<AllocFreeSamples> StreamLoad::AllocFree(int in_flight, absl::Duration duration) {
  AllocFreeSamples samples;
  const auto turn = [&](std::size_t slot, v1::AttachResponse* answer, bool last) {
    if (answer == nullptr) return AllocRequest();
    if (answer->has_alloc()) {
      samples.alloc.micros.push_back(MicrosSince(began_[slot]));
      v1::AttachRequest request;
      request.mutable_free()->mutable_pointers()->Swap(answer->mutable_alloc()->mutable_pointers());
      return request;
    }
    samples.free.micros.push_back(MicrosSince(began_[slot]));
    return last ? v1::AttachRequest() : AllocRequest();
  };
  const absl::StatusOr<double> seconds = Drive(in_flight, duration, turn);
  if (!seconds.ok()) return seconds.status();
  samples.alloc.seconds = samples.free.seconds = *seconds;
  return samples;
}

absl::StatusOr<std::unique_ptr<SdkLoad>> SdkLoad::Open(const std::string& address) {
  auto session = percpu::Session::Open(address);
  if (!session.ok()) return session.status();
  return std::unique_ptr<SdkLoad>(new SdkLoad(*std::move(session)));
}

absl::StatusOr<AllocFreeSamples> SdkLoad::AllocFree(int threads, absl::Duration duration) {
  const auto began = std::chrono::steady_clock::now();
  const auto enough = began + absl::ToChronoNanoseconds(duration);
  std::vector<Worker> workers(static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  // The first works here: one in flight needs no thread.
  for (std::size_t i = 1; i < workers.size(); ++i) {
    running.emplace_back([&, i] { workers[i].Run(session_->client(), enough); });
  }
  workers.front().Run(session_->client(), enough);
  for (std::thread& thread : running) thread.join();
  AllocFreeSamples samples;
  for (const Worker& worker : workers) {
    if (!worker.failure.ok()) return worker.failure;
    Append(samples.alloc, worker.samples.alloc);
    Append(samples.free, worker.samples.free);
  }
  samples.alloc.seconds = samples.free.seconds = MicrosSince(began) / 1e6;
  return samples;
}

}  // namespace percpud::bench
