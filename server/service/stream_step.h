// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_STREAM_STEP_H_
#define PERCPUD_SERVER_SERVICE_STREAM_STEP_H_

#include "server/service/hot_lane.h"

namespace percpud {

// A tag of the queue that is one step of a stream: calls a method of the stream, and
// then Unref(), which may delete the stream and the step with it.
template <typename Stream>
class StreamStep final : public HotEvent {
 public:
  using Method = void (Stream::*)(bool ok);

  StreamStep(Stream& stream, Method method) : stream_(stream), method_(method) {}

  bool Proceed(bool ok) override {
    (stream_.*method_)(ok);
    return false;
  }
  void Discard() override { stream_.Unref(); }
  [[nodiscard]] void* tag() { return static_cast<HotEvent*>(this); }

 private:
  Stream& stream_;
  const Method method_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_STREAM_STEP_H_
