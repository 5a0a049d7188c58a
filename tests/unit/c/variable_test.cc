// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Variables of the C library: bytes that outlive the processes that use them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "client/c/percpud.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::RunningDaemon;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::HasSubstr;

constexpr int kPatienceMs = 30'000;
constexpr std::size_t kBytes = 96;

class VariableTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  void Start() {
    auto started = StartDaemon(dir_, {});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
  }
  Client Open() const {
    return {percpud_open(("unix:" + dir_.path() + "/percpud.sock").c_str()), &percpud_close};
  }
  static percpud_variable* Find(const Client& client, const char* name, std::size_t size) {
    return percpud_variable_open(client.get(), name, size, 64, kPatienceMs);
  }
  static std::string Reason(const Client& client) {
    char text[256] = "";
    percpud_reason(client.get(), text, sizeof(text));
    return text;
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
};

TEST_F(VariableTest, BytesOutliveTheProcessThatWroteThem) {
  Start();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Client client = Open();
    percpud_variable* const load = Find(client, "shop/load", kBytes);
    for (std::uint32_t cpu = 0; cpu < percpud_variable_cpus(load); ++cpu) {
      if (void* const copy = percpud_variable_data(load, cpu)) {
        std::memset(copy, static_cast<int>(cpu + 1), kBytes);
      }
    }
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));

  const Client client = Open();
  percpud_variable* const load = Find(client, "shop/load", kBytes);
  ASSERT_NE(load, nullptr) << Reason(client);
  EXPECT_EQ(percpud_variable_size(load), kBytes);
  EXPECT_EQ(percpud_variable_is_writable(load), 1);
  ASSERT_GT(percpud_variable_cpus(load), 0U);
  for (std::uint32_t cpu = 0; cpu < percpud_variable_cpus(load); ++cpu) {
    const auto* const copy = static_cast<const std::uint8_t*>(percpud_variable_data(load, cpu));
    if (copy == nullptr) continue;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copy) % 64, 0U);
    EXPECT_EQ(copy[0], cpu + 1);
    EXPECT_EQ(copy[kBytes - 1], cpu + 1);
  }
  EXPECT_EQ(percpud_variable_data(load, percpud_variable_cpus(load)), nullptr);
  EXPECT_EQ(Find(client, "shop/load", kBytes), load);
  EXPECT_EQ(Find(client, "shop/load", 0), load) << "without a size it is found";
}

TEST_F(VariableTest, WhatIsRefusedHasAReason) {
  Start();
  const Client client = Open();
  EXPECT_EQ(Find(client, "nothing", 0), nullptr);
  EXPECT_THAT(Reason(client), HasSubstr("nothing"));
  ASSERT_NE(Find(client, "load", kBytes), nullptr);
  EXPECT_EQ(Find(client, "load", 2 * kBytes), nullptr);
  EXPECT_THAT(Reason(client), HasSubstr("load"));
  EXPECT_EQ(Find(client, "no\nname", kBytes), nullptr);
  EXPECT_EQ(percpud_variable_open(client.get(), nullptr, kBytes, 0, 0), nullptr);
  EXPECT_EQ(percpud_variable_open(nullptr, "load", kBytes, 0, 0), nullptr);
  EXPECT_EQ(percpud_variable_data(nullptr, 0), nullptr);
  EXPECT_EQ(percpud_variable_size(nullptr), 0U);
}

TEST_F(VariableTest, WithoutADaemonThereIsNone) {
  const Client client = Open();
  EXPECT_EQ(Find(client, "load", kBytes), nullptr);
  EXPECT_THAT(Reason(client), HasSubstr("start percpud"));
}

}  // namespace
}  // namespace percpud
