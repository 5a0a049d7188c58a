// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/strings/substitute.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::uint32_t> Ids(const Topology& topology) {
  std::vector<std::uint32_t> ids;
  for (const Topology::Cpu& cpu : topology.cpus) ids.push_back(cpu.id.value());
  return ids;
}

std::vector<std::uint32_t> Nodes(const Topology& topology) {
  std::vector<std::uint32_t> nodes;
  for (const Topology::Cpu& cpu : topology.cpus) nodes.push_back(cpu.node.value());
  return nodes;
}

TEST(TopologyTest, UniformIsOneNode) {
  const auto topology = Topology::Uniform(3);
  ASSERT_TRUE(topology.ok());
  EXPECT_THAT(Ids(*topology), ElementsAre(0, 1, 2));
  EXPECT_THAT(Nodes(*topology), ElementsAre(0, 0, 0));
  EXPECT_EQ(Topology::Uniform(kMaxCpus)->cpus.size(), kMaxCpus);
  EXPECT_EQ(Topology::Uniform(0).status().message(), "cpus.count: 0 is not in 1..4096");
  EXPECT_EQ(Topology::Uniform(4097).status().message(), "cpus.count: 4097 is not in 1..4096");
}

TEST(TopologyTest, SyntheticNodesHoldTheirCpus) {
  const auto topology = Topology::FromSynthetic("numa:2 core:4 pu:1");
  ASSERT_TRUE(topology.ok()) << topology.status();
  EXPECT_THAT(Ids(*topology), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(Nodes(*topology), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
}

TEST(TopologyTest, SyntheticIdsAreSorted) {
  const auto topology = Topology::FromSynthetic("numa:2 pu:2(indexes=9,2,7,4)");
  ASSERT_TRUE(topology.ok()) << topology.status();
  EXPECT_THAT(Ids(*topology), ElementsAre(2, 4, 7, 9));
  EXPECT_THAT(Nodes(*topology), ElementsAre(0, 1, 1, 0));
}

TEST(TopologyTest, BadSyntheticDescriptionsAreNamed) {
  for (const char* bad : {"", "numa:2 nonsense", "core:4", "numa:0 pu:1", "pu:x", "(", "[numa",
                          "pu:2(indexes=0", "pu:4(indexes=0,1,2,4096)"}) {
    EXPECT_THAT(std::string(Topology::FromSynthetic(bad).status().message()),
                HasSubstr("cpus.synthetic: "))
        << bad;
  }
}

// hwloc would build them all; the test's time limit is the proof that it is
// not asked to.
TEST(TopologyTest, SyntheticCountsAreBounded) {
  for (const char* bad :
       {"pu:4097", "pu:4294967295", "pu:99999999999999999999", "numa:65536 core:65536 pu:65536",
        "l3:64 core:65 pu:1", "pu: 1000000", "pu:+1000000", "pu:0xfffffff",
        "numa:1(memory=1GB)pu:9999999", "[numa(memory=1] pu:9999999"}) {
    EXPECT_THAT(std::string(Topology::FromSynthetic(bad).status().message()),
                HasSubstr("is not for 1..4096 CPUs"))
        << bad;
  }
  EXPECT_TRUE(Topology::FromSynthetic("[numa(memory=9999999)] l3:2 core:2 pu:2").ok());
}

class TopologyXmlTest : public ::testing::Test {
 protected:
  ~TopologyXmlTest() override { std::remove(path_.c_str()); }

  // Two nodes of one CPU each, numbered as given.
  static std::string TwoNodes(absl::string_view first, absl::string_view second) {
    const auto node = [](int id, absl::string_view cpu) {
      const std::string sets = absl::Substitute(
          R"(cpuset="$0" complete_cpuset="$0" nodeset="$0" complete_nodeset="$0")", 1 << id);
      return absl::Substitute(R"(
    <object type="Group" $0 gp_index="1$1">
      <object type="NUMANode" os_index="$1" $0 gp_index="2$1"/>
      <object type="PU" os_index="$2" $0 gp_index="3$1"/>
    </object>)",
                              sets, id, cpu);
    };
    return absl::Substitute(R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="3" complete_cpuset="3" allowed_cpuset="3"
          nodeset="3" complete_nodeset="3" allowed_nodeset="3" gp_index="1">$0$1
  </object>
</topology>
)",
                            node(0, first), node(1, second));
  }

  absl::StatusOr<Topology> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return Topology::FromXml(path_);
  }
  std::string Refusal(const std::string& text) {
    return std::string(Read(text).status().message());
  }

  const std::string path_ = ::testing::TempDir() + "/" +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                            ".xml";
};

TEST_F(TopologyXmlTest, NodesHoldTheirCpus) {
  const auto topology = Read(TwoNodes("0", "1"));
  ASSERT_TRUE(topology.ok()) << topology.status();
  EXPECT_THAT(Ids(*topology), ElementsAre(0, 1));
  EXPECT_THAT(Nodes(*topology), ElementsAre(0, 1));
}

TEST_F(TopologyXmlTest, IdsAreNotTrusted) {
  EXPECT_THAT(Refusal(TwoNodes("0", "4294967295")),
              HasSubstr("cpus.xml_file: CPU 4294967295 is not in 0..4095"));
  EXPECT_THAT(Refusal(TwoNodes("0", "4096")), HasSubstr("CPU 4096 is not in 0..4095"));
  EXPECT_THAT(Refusal(TwoNodes("1", "1")), HasSubstr("cpus.xml_file: CPU 1 is there twice"));
}

TEST_F(TopologyXmlTest, BadFilesAreNamed) {
  const std::string good = TwoNodes("0", "1");
  for (const std::string& bad :
       {std::string(), std::string("numa:2 pu:1"), std::string("<topology/>"),
        std::string(100, '\0'), good.substr(0, good.size() / 2),
        good.substr(0, good.size() - 15)}) {
    EXPECT_THAT(Refusal(bad), HasSubstr("is no topology written by lstopo --of xml")) << bad;
  }
}

TEST_F(TopologyXmlTest, WhatIsNoFileIsNamed) {
  for (const std::string& path :
       {std::string("/nowhere.xml"), std::string("-"), std::string(), ::testing::TempDir()}) {
    EXPECT_EQ(Topology::FromXml(path).status().message(),
              "cpus.xml_file: \"" + path + "\" is no file");
  }
}

TEST(TopologyTest, TheHostHoldsTheCpuWeRunOn) {
  const auto topology = Topology::FromHost();
  ASSERT_TRUE(topology.ok()) << topology.status();
  const auto online = topology->Select("online");
  ASSERT_TRUE(online.ok()) << online.status();
  EXPECT_THAT(Ids(*online), Contains(static_cast<std::uint32_t>(sched_getcpu())));
  EXPECT_EQ(online->cpus.size(), static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_EQ(topology->cpus.size(), static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_CONF)));
}

TEST(TopologyTest, OfflineCpusAreAdded) {
  Topology topology = *Topology::Uniform(3);
  topology.cpus.erase(topology.cpus.begin() + 1);
  ASSERT_TRUE(topology.AddOffline("0-2,5,4-5").ok());
  EXPECT_THAT(Ids(topology), ElementsAre(0, 1, 2, 4, 5));
  EXPECT_THAT(Ids(*topology.Select("online")), ElementsAre(0, 2));
  ASSERT_TRUE(topology.AddOffline("0-4294967295").ok());
  EXPECT_EQ(topology.cpus.size(), kMaxCpus);
  EXPECT_THAT(std::string(topology.AddOffline("0-").message()), HasSubstr("cpus.host: \"0-\""));
}

TEST(TopologyTest, SelectTakesKernelLists) {
  Topology topology = *Topology::Uniform(10);
  topology.cpus[4].online = false;
  EXPECT_EQ(topology.Select("possible")->cpus.size(), 10u);
  EXPECT_THAT(Ids(*topology.Select("online")), ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 9));
  EXPECT_THAT(Ids(*topology.Select("8,0-2,1,4-4")), ElementsAre(0, 1, 2, 4, 8));
}

TEST(TopologyTest, SelectRefusesWhatIsNoList) {
  const Topology topology = *Topology::Uniform(10);
  for (const char* bad :
       {"",     ",",   "0-",     "-3",   "-",  "3-1",          "1-2-3",
        "a",    "all", "Online", "0, 1", " 1", "1 ",           "1\n",
        "0 -3", "+1",  "0x1",    "1,,2", "1,", "1-4294967296", "99999999999999999999"}) {
    EXPECT_THAT(std::string(topology.Select(bad).status().message()),
                HasSubstr("is neither possible nor online nor a rising list"))
        << bad;
  }
}

TEST(TopologyTest, SelectRefusesCpusThatAreNotThere) {
  const Topology topology = *Topology::Uniform(10);
  const auto refusal = [&](const char* select) {
    return std::string(topology.Select(select).status().message());
  };
  EXPECT_EQ(refusal("3,10"), "cpus.select: \"3,10\" names CPU 10, which is not there");
  EXPECT_THAT(refusal("0-4000000000"), HasSubstr("names CPU 10,"));
  EXPECT_THAT(refusal("4294967295"), HasSubstr("names CPU 4294967295,"));
  EXPECT_THAT(refusal("4294967290-4294967295"), HasSubstr("names CPU 4294967290,"));
  Topology dark = topology;
  for (Topology::Cpu& cpu : dark.cpus) cpu.online = false;
  EXPECT_EQ(dark.Select("online").status().message(), "cpus.select: \"online\" leaves no CPU");
}

}  // namespace
}  // namespace percpud
