// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_STAGE_H_
#define PERCPUD_SERVER_GATEWAY_STAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/unique_fd.h"
#include "server/gateway/event_loop.h"
#include "server/gateway/tls_context.h"
#include "server/gateway/tls_options.h"
#include "server/tls/material.h"

namespace percpud::gateway {

// Certificates and keys between the files and the connections: what is read is checked as a
// whole, and only a set that is good takes the place of the last one. What is wrong with
// another is said once. One thread.
class Stage final : public Waiter {
 public:
  // `reader`: of StartReader, for the files of `options`. `loop` outlives the stage.
  Stage(UniqueFd reader, EventLoop& loop, TlsOptions options)
      : reader_(std::move(reader)), loop_(loop), options_(std::move(options)) {}
  ~Stage() { loop_.Remove(reader_.get(), *this); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Errors: what the system said.
  absl::Status Start();
  // Has the files read now.
  void Reload();
  // Has them read, if it is time to.
  void LookAround(BootTime now);
  void OnReady(std::uint32_t events) override;

  // The last good set; null before there was one.
  [[nodiscard]] const std::shared_ptr<const TlsContext>& context() const { return context_; }
  // The reader has ended, and nothing will change any more.
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  void Take(const absl::StatusOr<tls::Material>& read);
  // Good news, or bad; each once.
  void Say(const std::string& news);

  const UniqueFd reader_;
  EventLoop& loop_;
  const TlsOptions options_;
  std::string input_;
  // What the last good set was made from.
  tls::Material material_;
  std::shared_ptr<const TlsContext> context_;
  std::string said_;
  BootTime ask_at_ = BootTime::InfinitePast();
  bool is_over_ = false;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_STAGE_H_
