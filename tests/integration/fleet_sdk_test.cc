// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpu::Fleet with a real agent, whose etcd is never there, and a percpud that it reads over
// TLS. The agent is killed, and comes back.

#include "percpu/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "percpu/reason.h"
#include "percpu/session.h"
#include "server/base/tcp_socket.h"
#include "server/rseq/section.h"
#include "tests/integration/tls_rig.h"
#include "tests/support/disassembly.h"

extern "C" bool percpud_probe_add(const percpu::Ref<std::uint64_t>& counter, std::uint64_t delta);

namespace percpud::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kConfig[] = R"(
access { viewers: "dns:agent" clients: "spiffe:spiffe://td/app/*" }
export { families: "default/sold*" variables: "rows" }
)";

class FleetSdkTest : public TlsTest {
 protected:
  // A percpud with something to add up, and an agent that knows it as web1. Nobody is at web2.
  void StartAll() {
    Start(kConfig);
    Ctl({"inc", "sold_total", "41"});
    Ctl({"variable", "create", "rows", "--type", "counter", "--size", "8"});
    Ctl({"add", "rows", "5"});
    WriteText(view_file_,
              absl::StrCat(R"({"fleet": "test", "hosts": [)", HostJson("web1", SdkAddress()), ", ",
                           HostJson("web2", "tls:127.0.0.1:1"), "]}"));
    agent_files_ = Client("DNS:agent");
    StartAgent();
    fleet_.emplace(Open());
  }
  void TearDown() override {
    if (agent_) {
      agent_->Kill(SIGTERM);
      EXPECT_EQ(agent_->Wait(kGatewayPatience).value_or(-1), 0) << agent_->err();
    }
    TlsTest::TearDown();
  }

  static std::string HostJson(const std::string& name, const std::string& address) {
    return absl::StrCat(R"({"name": ")", name, R"(", "state": "HOST_STATE_UP", "record": {)",
                        R"("incarnation": ")", name, R"(", "serving": "SERVING_UP", "weight": 1, )",
                        R"("addresses": [")", address, R"("]}})");
  }
  void StartAgent() {
    auto started = Process::Spawn(
        {BinaryPath("percpud-fleet"), "--fleet", "test", "--etcd", "http://127.0.0.1:1", "--host",
         "own", "--percpud", daemon_->address, "--listen", agent_address_, "--state-dir", state_,
         "--peer-trusted-ca-file", agent_files_.ca, "--peer-cert-file", agent_files_.certificate,
         "--peer-key-file", agent_files_.key});
    ASSERT_TRUE(started.ok()) << started.status();
    agent_.emplace(*std::move(started));
  }
  void KillAgent() {
    agent_->Kill(SIGKILL);
    ASSERT_TRUE(agent_->Wait(kGatewayPatience).ok());
    agent_.reset();
  }
  percpu::Fleet Open() {
    const auto fleet = percpu::Fleet::Open({.agent = agent_address_,
                                            .deadline = absl::Seconds(20),
                                            .view_file = view_file_,
                                            .hosts = CallsAs(Client("URI:spiffe://td/app/1"))});
    EXPECT_TRUE(fleet.ok()) << fleet.status();
    return *fleet;
  }
  void Ctl(const std::vector<std::string>& words) {
    std::vector<std::string> argv{BinaryPath("percpuctl"), "--address", daemon_->address};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto ran = RunToEnd(argv);
    ASSERT_TRUE(ran.ok() && ran->exit_code == 0) << ran.status() << (ran.ok() ? ran->err : "");
  }
  // Waits until the agent answers.
  void AwaitAgent() {
    ASSERT_TRUE(Await([this] {
      const auto view = fleet_->Hosts();
      return view.ok() && !view->is_stored;
    })) << agent_->err();
  }
  static std::vector<std::string> Names(const percpu::FleetView& view) {
    std::vector<std::string> out;
    for (const percpu::FleetHost& host : view.hosts) out.push_back(host.name);
    return out;
  }

  const std::string state_ = dir_.path() + "/agent";
  const std::string view_file_ = (std::filesystem::create_directory(state_), state_ + "/view.json");
  const std::string agent_address_ = absl::StrCat("unix:", dir_.path(), "/fleet.sock");
  PemFiles agent_files_;
  std::optional<Process> agent_;
  std::optional<percpu::Fleet> fleet_;
};

TEST_F(FleetSdkTest, SumsAreOfAllHostsOrNameTheMissing) {
  StartAll();
  AwaitAgent();
  for (const char* const name : {"rows", "sold_total"}) {
    const absl::Status strict = fleet_->Sum(name).status();
    EXPECT_TRUE(absl::IsUnavailable(strict)) << strict;
    EXPECT_EQ(percpu::ReasonOf(strict), percpu::kHostsMissing);
    EXPECT_THAT(std::string(strict.message()), HasSubstr("1 of 2 missing: web2 ("));
  }
  percpu::SumOptions available;
  available.policy = percpu::SumPolicy::kAvailable;
  const auto rows = fleet_->Sum("rows", available);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_TRUE(rows->is_variable);
  EXPECT_EQ(rows->total, 5);
  EXPECT_THAT(rows->by_host, ElementsAre(Pair("web1", 5)));
  EXPECT_THAT(rows->round.hosts, ElementsAre("web1"));
  ASSERT_THAT(rows->round.missing, SizeIs(1));
  EXPECT_EQ(rows->round.missing.front().host, "web2");
  EXPECT_FALSE(rows->round.epoch.empty());
  const auto sold = fleet_->Sum("sold_total", available);
  ASSERT_TRUE(sold.ok()) << sold.status();
  EXPECT_FALSE(sold->is_variable);
  EXPECT_EQ(sold->total, 41);
  const auto family = fleet_->SumFamily("sold_total", available);
  ASSERT_TRUE(family.ok()) << family.status();
  EXPECT_EQ(family->series.front().cells.front().count, 41U);

  const auto found = fleet_->Find("rows");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(found->hosts, SizeIs(1));
  EXPECT_EQ(found->hosts.front().host, "web1");
  EXPECT_EQ(found->hosts.front().type, percpu::VariableType::kCounter);
  EXPECT_EQ(found->hosts.front().size_bytes, 8U);
  const auto placed = fleet_->Place("users/42", 2);
  ASSERT_TRUE(placed.ok()) << placed.status();
  EXPECT_THAT(placed->hosts, SizeIs(2));
  EXPECT_EQ(placed->epoch, rows->round.epoch);
  // A key need not be text.
  const auto binary = fleet_->Place(std::string("\xff\0\xfe", 3));
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_THAT(binary->hosts, SizeIs(1));
}

TEST_F(FleetSdkTest, AHostIsConnectedToOverTls) {
  StartAll();
  AwaitAgent();
  auto client = fleet_->Connect("web1");
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->Ping().ok());
  const auto pointer = client->Allocate({.size_bytes = 8});
  EXPECT_TRUE(pointer.ok()) << pointer.status();
  EXPECT_TRUE(absl::IsNotFound(fleet_->Connect("web9").status()));
}

// A fleet whose agent is not there, with a view of one host.
TEST_F(FleetSdkTest, AnAddressThatIsOfNoUseIsPassedOver) {
  Start(kConfig);
  const auto connect = [this](const std::vector<std::string>& addresses, absl::Duration deadline) {
    const std::string file = dir_.path() + "/other.json";
    WriteText(file, absl::StrCat(R"({"hosts": [)",
                                 HostJson("web1", absl::StrJoin(addresses, R"(", ")")), "]}"));
    percpu::CallOptions hosts = CallsAs(Client("URI:spiffe://td/app/1"));
    hosts.deadline = deadline;
    const auto fleet =
        percpu::Fleet::Open({.agent = dir_.path() + "/none", .view_file = file, .hosts = hosts});
    EXPECT_TRUE(fleet.ok()) << fleet.status();
    return fleet->Connect("web1");
  };
  auto client =
      connect({"tls:", "tls:unix:/nowhere:1", "tls:127.0.0.1:1", SdkAddress()}, absl::Seconds(20));
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->Ping().ok());
  // One that lets everybody in and says nothing, as often as a record has room for.
  auto silent = BindTcp("127.0.0.1:0");
  ASSERT_TRUE(silent.ok()) << silent.status();
  constexpr std::size_t kMany = 300;
  const std::vector<std::string> many(kMany, "tls:" + silent->address);
  const absl::Time begin = absl::Now();
  const absl::Status status = connect(many, absl::Milliseconds(200)).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status) || absl::IsUnavailable(status)) << status;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(30));
}

// The views that a watch has told.
class Told {
 public:
  void Add(const percpu::FleetView& view) {
    const absl::MutexLock lock(&mutex_);
    last_ = view;
  }
  [[nodiscard]] std::optional<percpu::FleetView> last() {
    const absl::MutexLock lock(&mutex_);
    return last_;
  }
  bool AwaitStored(bool is_stored) {
    return Await([&] {
      const auto view = last();
      return view && view->is_stored == is_stored;
    });
  }

 private:
  absl::Mutex mutex_;
  std::optional<percpu::FleetView> last_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(FleetSdkTest, AWatchAndTheHostsOutliveTheAgent) {
  StartAll();
  AwaitAgent();
  Told told;
  const auto watch = fleet_->Watch([&told](const percpu::FleetView& view) { told.Add(view); });
  ASSERT_TRUE(watch.ok()) << watch.status();
  ASSERT_TRUE(told.AwaitStored(false));
  EXPECT_THAT(Names(*told.last()), ElementsAre("web1", "web2"));
  // The agent has written down its own view.
  ASSERT_TRUE(Await([this] { return ReadText(view_file_).find("epoch") != std::string::npos; }));
  KillAgent();
  ASSERT_TRUE(told.AwaitStored(true));
  const auto stored = fleet_->Hosts();
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(stored->is_stored);
  EXPECT_THAT(Names(*stored), ElementsAre("web1", "web2"));
  EXPECT_TRUE(stored->stale_since.has_value());
  const absl::Status sum = fleet_->Sum("rows").status();
  EXPECT_TRUE(absl::IsUnavailable(sum)) << sum;
  EXPECT_THAT(std::string(sum.message()),
              AllOf(HasSubstr("percpud-fleet does not answer"), HasSubstr(agent_address_)));
  // Hosts are reached without the agent.
  auto client = fleet_->Connect("web1");
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->Ping().ok());
  StartAgent();
  EXPECT_TRUE(told.AwaitStored(false)) << agent_->err();
  percpu::SumOptions available;
  available.policy = percpu::SumPolicy::kAvailable;
  const auto again = fleet_->Sum("rows", available);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->total, 5);
}

// Without the addresses of what is jumped to and loaded.
std::vector<std::string> Shape(std::vector<std::string> instructions) {
  static const std::regex kAddress("\\s*(#.*)|(0x)?[0-9a-f]+ <.*>|-?0x[0-9a-f]+\\(%rip\\)");
  for (std::string& each : instructions) each = std::regex_replace(each, kAddress, "");
  return instructions;
}

TEST_F(FleetSdkTest, AnIncrementIsWhatItIsWithoutAFleet) {
  StartAll();
  AwaitAgent();
  const auto watch = fleet_->Watch([](const percpu::FleetView& /*view*/) {});
  ASSERT_TRUE(watch.ok()) << watch.status();
  auto session = percpu::Session::Open(daemon_->address);
  ASSERT_TRUE(session.ok()) << session.status();
  const auto counter = (*session)->Counter("increments");
  ASSERT_TRUE(counter.ok()) << counter.status();
  // The fleet is linked, open and watched, its etcd is away, and its agent is killed meanwhile.
  constexpr std::uint64_t kAdds = 1'000'000;
  std::uint64_t added = 0;
  for (std::uint64_t i = 0; i < kAdds; ++i) {
    if (i == kAdds / 2) KillAgent();
    added += percpud_probe_add(*counter, 1) ? 1 : 0;
  }
  EXPECT_EQ(added, kAdds);
  EXPECT_EQ(counter->Sum(), kAdds);
#if defined(PERCPUD_RSEQ_HAS_SECTIONS) && defined(__x86_64__) && !defined(PERCPUD_ASAN)
  if (access(kObjdump, X_OK) != 0) GTEST_SKIP() << "no objdump";
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const auto with_fleet = Shape(Instructions("percpud_probe_add", self));
  const auto without =
      Shape(Instructions("percpud_probe_add", self.parent_path() / "rseq_hot_path_test"));
  EXPECT_FALSE(without.empty());
  EXPECT_EQ(with_fleet, without);
  constexpr std::size_t kMost = 14;
  EXPECT_LE(with_fleet.size(), kMost);
  // It calls nothing, of a fleet's or of anybody's.
  EXPECT_TRUE(std::none_of(with_fleet.begin(), with_fleet.end(),
                           [](const std::string& each) { return each.starts_with("call"); }));
#endif
}

}  // namespace
}  // namespace percpud::testing
