// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Clients that mean harm, against the real daemon: whatever they do, it goes on,
// and its books stay right. (What one peer of the door can say is in
// tests/unit/handoff/door_test.cc, what one of gRPC can in wire_test.cc.)

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "percpu/internal/door/admission.h"
#include "percpu/session.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"
#include "tests/support/send_fds.h"

namespace percpu {
namespace {

namespace abi = percpud::abi::v1;
using testing::Child;

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr std::uint32_t kAbilities = abi::kCanRseq | abi::kCanAtomic;

// Whether the descriptor, or a second one of the same file, lets its holder
// write, map for writing or cut. Names what did; empty is as it should be.
std::string WhatItLets(int fd) {
  const auto map = [](int each) {
    return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, each, 0) != MAP_FAILED;
  };
  const std::string path = absl::StrCat("/proc/self/fd/", fd);
  const percpud::UniqueFd again(open(path.c_str(), O_RDWR | O_CLOEXEC));
  std::string out;
  if (map(fd)) out += " mmap";
  if (again.ok() && map(again.get())) out += " open+mmap";
  for (const int each : {fd, again.get()}) {
    if (each < 0) continue;
    if (pwrite(each, "x", 1, 0) >= 0) out += " pwrite";
    if (ftruncate(each, 0) == 0) out += " ftruncate";
    if (ftruncate(each, std::int64_t{1} << 40) == 0) out += " grow";
    if (fcntl(each, F_ADD_SEALS, F_SEAL_WRITE) == 0) out += " seal";
    if (fallocate(each, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0) out += " punch";
  }
  if (truncate(path.c_str(), 0) == 0) out += " truncate";
  return out;
}

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto daemon = percpud::testing::StartDaemon(dir_, {"--socket-mode", "0666"});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    // Open to the user that the test becomes.
    ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  }

  absl::StatusOr<Admission> Enter(MapMode mode) {
    return Knock(daemon_->address.substr(std::strlen("unix:")) + abi::kDoorSuffix,
                 {.wanted = mode, .abilities = kAbilities},
                 {.deadline = Deadline::After(kPatience)});
  }
  // Both sockets are stream-shaped enough to be connected to and left.
  [[nodiscard]] percpud::UniqueFd Connect(const std::string& suffix, int type) const {
    percpud::UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = absl::StrCat(absl::StripPrefix(daemon_->address, "unix:"), suffix);
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << std::strerror(errno);
    return fd;
  }
  [[nodiscard]] std::ptrdiff_t DaemonsDescriptors() const {
    const std::string path = absl::StrCat("/proc/", daemon_->process.pid(), "/fd");
    std::ptrdiff_t count = 0;
    DIR* directory = opendir(path.c_str());
    while (readdir(directory) != nullptr) ++count;
    closedir(directory);
    return count;
  }
  [[nodiscard]] bool AwaitDescriptors(std::ptrdiff_t most) const {
    const absl::Time deadline = absl::Now() + kPatience;
    while (DaemonsDescriptors() > most) {
      if (absl::Now() > deadline) return false;
    }
    return true;
  }
  // A decent client is served, and nothing of the others is left.
  void ExpectWell() {
    auto session = Session::Open(daemon_->address);
    ASSERT_TRUE(session.ok()) << session.status();
    // A socket whose queue of connections is full for a moment refuses; and a connection
    // that has not spoken yet makes room for others of its user, whom this client shares
    // with the attackers. gRPC says UNAVAILABLE (and "FD shutdown"): one tries again.
    const absl::Time deadline = absl::Now() + kPatience;
    while (!(*session)->client().Ping().ok() && absl::Now() < deadline) {
    }
    const auto area = (*session)->client().Allocate({.size_bytes = 8});
    ASSERT_TRUE(area.ok()) << area.status();
    EXPECT_TRUE((*session)->client().Free(*area).ok());
    Client client = *Client::Connect(daemon_->address, {.deadline = kPatience});
    while (!client.Ping().ok() && absl::Now() < deadline) {
    }
    const auto stats = client.GetStats();
    ASSERT_TRUE(stats.ok()) << stats.status();
    EXPECT_EQ(stats->nr_cur_alloc, 0U);
    EXPECT_TRUE(client.ListChunks().ok());
  }

  const percpud::testing::TempDir dir_;
  std::optional<percpud::testing::RunningDaemon> daemon_;
};

// The viewer is another user: the daemon's own, and root, are operators.
TEST_F(HostileTest, AViewerOfAnotherUserCannotWriteNorCutNorOpenItAnew) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  constexpr uid_t kSomebodyElse = 65534;
  Child viewer([&] {
    if (setgid(kSomebodyElse) != 0 || setuid(kSomebodyElse) != 0) return 2;
    const auto admission = Enter(MapMode::kReadOnly);
    if (!admission.ok()) return 3;
    // It sees the arena.
    const int fd = admission->arena.get();
    if (mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) return 4;
    const std::string lets = WhatItLets(fd) + WhatItLets(admission->layout.get());
    std::fprintf(stderr, "a viewer may:%s\n", lets.c_str());
    return lets.empty() ? 0 : 1;
  });
  EXPECT_EQ(viewer.Wait(), 0);
  ExpectWell();
}

TEST_F(HostileTest, NobodyWritesTheLayoutPageNorCutsTheArena) {
  const auto admission = Enter(MapMode::kReadWrite);
  ASSERT_TRUE(admission.ok()) << admission.status();
  EXPECT_EQ(WhatItLets(admission->layout.get()), "");
  const int fd = admission->arena.get();
  EXPECT_EQ(ftruncate(fd, 0), -1);
  EXPECT_EQ(ftruncate(fd, std::int64_t{1} << 40), -1);
  EXPECT_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  ExpectWell();
}

TEST_F(HostileTest, TenThousandConnectionsToBothSocketsLeaveNothingBehind) {
  ExpectWell();
  const std::ptrdiff_t before = DaemonsDescriptors();
  std::vector<percpud::UniqueFd> held;
  for (int i = 0; i < 10'000; ++i) {
    percpud::UniqueFd fd = i % 2 == 0 ? Connect(".door", SOCK_SEQPACKET) : Connect("", SOCK_STREAM);
    // Some stay half-open for a while: nothing said, or half of a preface.
    if (i % 4 == 1) static_cast<void>(send(fd.get(), "PRI * HT", 8, MSG_NOSIGNAL));
    if (i % 100 == 0) held.push_back(std::move(fd));
  }
  ExpectWell();
  held.clear();
  EXPECT_TRUE(AwaitDescriptors(before + 4)) << DaemonsDescriptors() << " open, before: " << before;
}

// A socket that lingers, say, holds the thread that closes it last for as long as its maker likes.
TEST_F(HostileTest, WhereTheKernelCanTheServiceTakesNoDescriptors) {
  constexpr int kPassRights = 83;
  const percpud::UniqueFd probe(socket(AF_UNIX, SOCK_STREAM, 0));
  const int off = 0;
  if (setsockopt(probe.get(), SOL_SOCKET, kPassRights, &off, sizeof(off)) != 0) {
    GTEST_SKIP() << "Linux 6.16 and later can";
  }
  const percpud::UniqueFd fd = Connect("", SOCK_STREAM);
  const std::array<int, 1> fds = {STDERR_FILENO};
  EXPECT_FALSE(percpud::testing::SendWithFds(fd.get(), "PRI * HTTP/2.0", fds));
  EXPECT_EQ(errno, EPERM);
  ExpectWell();
}

TEST_F(HostileTest, DescriptorsSentToTheServiceAreNotKept) {
  ExpectWell();
  const std::ptrdiff_t before = DaemonsDescriptors();
  std::vector<percpud::UniqueFd> senders;
  for (int i = 0; i < 20; ++i) {
    percpud::UniqueFd fd = Connect("", SOCK_STREAM);
    std::array<int, 8> fds{};
    fds.fill(STDERR_FILENO);
    percpud::testing::SendWithFds(fd.get(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", fds);
    senders.push_back(std::move(fd));
  }
  ExpectWell();
  // A connection each, at most.
  EXPECT_TRUE(AwaitDescriptors(before + 24)) << DaemonsDescriptors() << " open, before " << before;
}

TEST_F(HostileTest, ForgedTokensOpenNothingOnWhateverWay) {
  const auto honest = Session::Open(daemon_->address);
  ASSERT_TRUE(honest.ok()) << honest.status();
  const Pointer area = *(*honest)->client().Allocate({.size_bytes = 64});
  std::mt19937_64 random(7);
  for (const std::size_t size : {16U, 16U, 16U, 1U, 15U, 17U, 4096U}) {
    std::string token(size, '\0');
    for (char& byte : token) byte = static_cast<char>(random());
    const auto connection = MakeGrpcConnection(daemon_->address, {}, token);
    Client forger(connection);
    // Alloc and Free go by the stream, Write and EndSession as calls.
    for (const absl::Status& status :
         {forger.Allocate({.size_bytes = 8}).status(), forger.Free(area).status(),
          forger.Write(area, Unit{0}, "x"), forger.EndSession(*(*honest)->id())}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
    }
  }
  EXPECT_TRUE((*honest)->client().Free(area).ok());
  ExpectWell();
}

// A client that may write the arena may write all of it; the daemon's own books lie
// elsewhere.
TEST_F(HostileTest, AScribbledArenaMisleadsNobodyAboutWhatIsGranted) {
  auto honest = Session::Open(daemon_->address);
  ASSERT_TRUE(honest.ok()) << honest.status();
  Client& client = (*honest)->client();
  std::vector<Pointer> areas;
  for (int i = 0; i < 500; ++i) areas.push_back(*client.Allocate({.size_bytes = 100}));
  // The map of its lease will be noise, and then it is killed.
  const testing::Pipe ready;
  Child leaseholder([&] {
    const auto session = Session::Open(daemon_->address);
    if (!session.ok()) return 1;
    const auto heap = (*session)->NewHeap();
    if (!heap.ok() || !(*heap)->Allocate(64).ok()) return 2;
    ready.Put(1);
    pause();
    return 0;
  });
  ASSERT_EQ(ready.Get(), 1U);
  const auto before = *client.GetStats();
  Child scribbler([&] {
    const auto session = Session::Open(daemon_->address);
    if (!session.ok()) return 1;
    const auto info = (*session)->client().GetAllocInfo();
    if (!info.ok()) return 2;
    std::mt19937_64 random(11);
    std::byte* const base = (*session)->mapping().base;
    // What is there of it: the chunks lie at its beginning.
    const std::uint64_t end = std::min<std::uint64_t>(info->arena_bytes, 16 << 20);
    for (std::uint64_t at = 0; at < end; at += sizeof(std::uint64_t)) {
      const std::uint64_t noise = random();
      std::memcpy(base + at, &noise, sizeof(noise));
    }
    return 0;
  });
  EXPECT_EQ(scribbler.Wait(), 0);
  EXPECT_EQ(client.GetStats()->live_bytes, before.live_bytes);
  EXPECT_EQ(client.GetStats()->nr_cur_alloc, before.nr_cur_alloc);
  const auto chunks = client.ListChunks();
  ASSERT_TRUE(chunks.ok()) << chunks.status();
  for (const ChunkInfo& chunk : *chunks) {
    EXPECT_TRUE(client.ListAreas(chunk.id).ok());
  }
  EXPECT_TRUE(client.ListLeases().ok());
  for (const Pointer area : areas) EXPECT_EQ(client.Resolve(area)->area.pointer, area);
  for (const Pointer area : areas) EXPECT_TRUE(client.Free(area).ok());
  leaseholder.Kill();
  honest->reset();
  Client outsider = *Client::Connect(daemon_->address);
  const absl::Time deadline = absl::Now() + kPatience;
  while (outsider.GetStats()->leased_chunks > 0 && absl::Now() < deadline) {
  }
  ExpectWell();
}

}  // namespace
}  // namespace percpu
