// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/host_cpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace percpud {
namespace {

using ::testing::HasSubstr;

TEST(HostCpusTest, SourcesThatAgree) {
  const BelievedCpus cpus = Believe({.sysfs = 8, .topology = 8, .running = 3, .allowed = 8});
  EXPECT_EQ(cpus.count, 8u);
  EXPECT_TRUE(cpus.agree);
}

// A CPU that is offline is possible, and nobody else sees it.
TEST(HostCpusTest, TheListMayHaveMoreThanAnyoneSees) {
  const BelievedCpus cpus = Believe({.sysfs = 128, .topology = 2, .running = 1, .allowed = 2});
  EXPECT_EQ(cpus.count, 128u);
  EXPECT_TRUE(cpus.agree);
}

TEST(HostCpusTest, TheLargestIsBelievedWhereTheListIsTooShort) {
  for (const CpuSightings& sightings :
       {CpuSightings{.sysfs = 2, .topology = 64, .running = 1, .allowed = 2},
        CpuSightings{.sysfs = 2, .topology = 2, .running = 64, .allowed = 2},
        CpuSightings{.sysfs = 2, .topology = {}, .running = 1, .allowed = 64}}) {
    const BelievedCpus cpus = Believe(sightings);
    EXPECT_EQ(cpus.count, 64u);
    EXPECT_FALSE(cpus.agree);
    EXPECT_THAT(cpus.sightings, HasSubstr("sysfs lists 2"));
  }
}

TEST(HostCpusTest, WithoutAListNobodyDisagrees) {
  const BelievedCpus cpus = Believe({.sysfs = {}, .topology = 4096, .running = 1, .allowed = 1});
  EXPECT_EQ(cpus.count, 4096u);
  EXPECT_TRUE(cpus.agree);
}

TEST(HostCpusTest, ThisHostsSourcesAgree) {
  const BelievedCpus cpus = Believe(LookAtCpus(nullptr));
  EXPECT_GE(cpus.count, 1u);
  EXPECT_TRUE(cpus.agree) << cpus.sightings;
}

}  // namespace
}  // namespace percpud
