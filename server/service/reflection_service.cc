// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/reflection_service.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cassert>

#include "absl/status/statusor.h"
#include "server/service/reflection.h"
#include "server/service/status.h"
#include "server/service/stream_step.h"

namespace percpud {

// One stream: a request is read when the last one's answer is written. Hot thread only,
// but for the answer, which the work lane makes. Deletes itself when it is over.
class ReflectionService::Stream final : private Overseen {
 public:
  explicit Stream(ReflectionService& owner) : owner_(owner), stream_(&context_) {}

  void Wait() {
    grpc::ServerCompletionQueue* const queue = owner_.lane_.queue();
    owner_.service_.RequestServerReflectionInfo(&context_, &stream_, queue, queue,
                                                Ref(accept_step_));
  }

 private:
  friend class StreamStep<Stream>;
  using Step = StreamStep<Stream>;

  void OnAccept(bool ok) {
    // The server is shut down.
    if (!ok) return;
    accepted_ = true;
    owner_.Post();
    owner_.lane_.Oversee(*this);
    const absl::Status status = Admit();
    if (!status.ok()) return Finish(status);
    stream_.Read(&request_, Ref(read_step_));
  }

  absl::Status Admit() {
    absl::StatusOr<AdmittedCall> admitted = owner_.callers_.Admit(Rpc::kReflection, context_);
    if (!admitted.ok()) return admitted.status();
    absl::StatusOr<StreamGate::Place> place = owner_.gate_.Open(admitted->place.account());
    if (!place.ok()) return place.status();
    call_ = *std::move(admitted);
    place_ = *std::move(place);
    return absl::OkStatus();
  }

  void OnRead(bool ok) {
    // The client asks no more, or has left.
    if (!ok) return Finish(absl::OkStatus());
    void* const tag = Ref(write_step_);
    owner_.lane_.work_lane().Run(call_.payer(), [this, tag] {
      Reflect(owner_.services_, request_, response_);
      stream_.Write(response_, tag);
    });
  }

  void OnWritten(bool ok) {
    if (!ok) return Finish(absl::OkStatus());
    stream_.Read(&request_, Ref(read_step_));
  }

  void OnRound(std::uint32_t /*round*/) override {
    if (owner_.gate_.draining() && !finished_) context_.TryCancel();
  }

  void Finish(const absl::Status& status) {
    assert(!finished_);
    finished_ = true;
    stream_.Finish(ToGrpc(status), Ref(finish_step_));
  }
  void OnFinished(bool /*ok*/) {}

  void* Ref(Step& step) {
    ++refs_;
    return step.tag();
  }
  void Unref() {
    if (--refs_ > 0) return;
    if (accepted_) owner_.lane_.Dismiss(*this);
    delete this;
  }

  ReflectionService& owner_;
  grpc::ServerContext context_;
  grpc::reflection::v1alpha::ServerReflectionRequest request_;
  grpc::reflection::v1alpha::ServerReflectionResponse response_;
  grpc::ServerAsyncReaderWriter<grpc::reflection::v1alpha::ServerReflectionResponse,
                                grpc::reflection::v1alpha::ServerReflectionRequest>
      stream_;
  Step accept_step_{*this, &Stream::OnAccept};
  Step read_step_{*this, &Stream::OnRead};
  Step write_step_{*this, &Stream::OnWritten};
  Step finish_step_{*this, &Stream::OnFinished};
  AdmittedCall call_;
  StreamGate::Place place_;
  // Steps under way.
  int refs_ = 0;
  bool accepted_ = false;
  bool finished_ = false;
};

void ReflectionService::Post() { (new Stream(*this))->Wait(); }

}  // namespace percpud
