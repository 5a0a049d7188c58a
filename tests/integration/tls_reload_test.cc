// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Certificates that change under a gateway that serves, and handshakes that take their time.
// PERCPUD_LONG=1: certificates change 1,000 times.

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "percpu/client.h"
#include "percpu/remote_session.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "tests/integration/tls_rig.h"

namespace percpud::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kAccess[] = R"(access { clients: "spiffe:spiffe://td/app/*" })";
constexpr char kName[] = "URI:spiffe://td/app/1";

class TlsReloadTest : public TlsTest {
 protected:
  // Has percpud read everything again, and waits until the gateway has said `text` anew.
  void ReloadUntil(const std::string& text) {
    const std::size_t before = log().size();
    daemon_->process.Kill(SIGHUP);
    EXPECT_TRUE(AwaitLog(text, before));
  }
  // Replaces a file by another text, with a mode.
  static void Spoil(const std::string& path, const std::string& text, mode_t mode = 0640) {
    const std::string fresh = path + ".new";
    WriteText(fresh, text);
    chmod(fresh.c_str(), mode);
    std::rename(fresh.c_str(), path.c_str());
  }
  static bool Ping(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::PingResponse response;
    return v1::MemoryService::NewStub(channel)->Ping(&context, {}, &response).ok();
  }
  PemFiles Server(const std::string& authority, const std::string& name, int days = 5) {
    return pki_.Issue(authority, name, ServerWish(days));
  }
};

TEST_F(TlsReloadTest, ASetThatIsNotGoodIsNamedAndTheOldOneStays) {
  Start(kAccess);
  const PemFiles client = Client(kName);
  const PemFiles other = Server(ca_, "other-server");
  const PemFiles foreign = Server(pki_.Authority("foreign-ca"), "foreign-server");
  const PemFiles expired = Server(ca_, "expired-server", -1);
  const PemFiles no_server = pki_.Issue(ca_, "no-server", {.names = ServerWish().names});
  const std::string certificate = ReadText(server_.certificate);
  const auto set = [this](const PemFiles& files) {
    Put(files.certificate, live_.certificate);
    Put(files.key, live_.key);
  };
  struct Row {
    const char* why;
    std::function<void()> spoil;
  };
  const Row rows[] = {
      {"live.key: is not the key of the certificate", [&] { Put(other.key, live_.key); }},
      {"live.pem: has expired, at ", [&] { set(expired); }},
      {"live.pem: no authority of ", [&] { set(foreign); }},
      {"live.pem: its extended key usage is not that of a server", [&] { set(no_server); }},
      {"live.pem: is empty", [&] { Spoil(live_.certificate, ""); }},
      {"live.key: is empty", [&] { Spoil(live_.key, ""); }},
      {"live-ca.pem: is empty", [&] { Spoil(live_.ca, ""); }},
      {"live.pem: holds no certificate in PEM", [&] { Spoil(live_.certificate, "garbage"); }},
      {"live.key: holds no private key", [&] { Spoil(live_.key, "garbage"); }},
      {"live-ca.pem: holds no certificate", [&] { Spoil(live_.ca, "garbage"); }},
      {"live.pem: a certificate in it is damaged",
       [&] { Spoil(live_.certificate, certificate.substr(0, certificate.size() / 2)); }},
      {"live-ca.pem: holds a certificate that is no authority's",
       [&] { Put(client.certificate, live_.ca); }},
      {"live.key: every user may read or write it (mode 0644)",
       [&] { Spoil(live_.key, ReadText(server_.key), 0644); }},
      {"live.pem: every user may write it (mode 0646)",
       [&] { Spoil(live_.certificate, certificate, 0646); }},
      {"live-ca.pem: every user may write it (mode 0666)",
       [&] { Spoil(live_.ca, ReadText(server_.ca), 0666); }},
      {"live.pem: No such file or directory", [&] { std::filesystem::remove(live_.certificate); }},
      {"live-ca.pem: is no regular file",
       [&] {
         std::filesystem::remove(live_.ca);
         std::filesystem::create_directory(live_.ca);
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.why);
    row.spoil();
    ReloadUntil(row.why);
    EXPECT_EQ(Percpuctl(client, {"alloc", "8"}).exit_code, 0) << log();
    if (std::filesystem::is_directory(live_.ca)) std::filesystem::remove(live_.ca);
    Use(server_);
    ReloadUntil("the certificate in use is valid until");
  }
  EXPECT_THAT(log(), HasSubstr("the certificates in use stay in use"));
}

TEST_F(TlsReloadTest, AKeyOfRootsAloneIsReadThoughTheGatewayMayNot) {
  if (geteuid() != 0) GTEST_SKIP() << "the gateway keeps its user";
  Start(kAccess);
  chmod(live_.key.c_str(), 0600);
  ReloadUntil("the certificate in use is valid until");
  EXPECT_EQ(Percpuctl(Client(kName), {"ping"}).exit_code, 0);
}

TEST_F(TlsReloadTest, AStartWithoutCertificatesServesEverythingElse) {
  WriteText(server_.key, "garbage");
  Launch(kAccess);
  EXPECT_TRUE(AwaitLog("TLS is not served before this is mended"));
  EXPECT_TRUE(percpu::Client::Connect(daemon_->address)->Allocate({.size_bytes = 8}).ok());
  const PemFiles client = Client(kName);
  EXPECT_EQ(Percpuctl(client, {"ping"}).exit_code, 4);
  // Mended, it is found without being asked.
  Use(Server(ca_, "second"));
  EXPECT_TRUE(AwaitLog("the certificate in use is valid until"));
  EXPECT_EQ(Percpuctl(client, {"ping"}).exit_code, 0);
}

TEST_F(TlsReloadTest, CallsGoOnWhileCertificatesChange) {
  Start(kAccess);
  const PemFiles client = Client(kName);
  auto standing = percpu::Client::Connect(SdkAddress(), CallsAs(client));
  ASSERT_TRUE(standing.ok()) << standing.status();
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  std::vector<std::string> failures;
  std::thread caller([&] {
    while (!stop) {
      percpu::CallOptions options = CallsAs(client);
      options.retry.max_retries = 0;
      // One connection that stays, and one that is new.
      for (percpu::Client each : {*standing, *percpu::Client::Connect(SdkAddress(), options)}) {
        const absl::Status status = each.Ping();
        if (!status.ok()) failures.emplace_back(status.message());
        ++calls;
      }
    }
  });
  const PemFiles sets[] = {Server(ca_, "second"), Server(ca_, "third")};
  const int changes = std::getenv("PERCPUD_LONG") != nullptr ? 1000 : 20;
  for (int round = 0; round < changes; ++round) {
    Use(sets[round % 2]);
    ReloadUntil("the certificate in use is valid until");
    const int before = calls;
    EXPECT_TRUE(Await([&] { return calls > before + 2; }));
  }
  stop = true;
  caller.join();
  EXPECT_THAT(failures, ::testing::IsEmpty());
  std::cout << changes << " changes, " << calls << " calls, " << failures.size() << " failed\n";
}

TEST_F(TlsReloadTest, AnAuthorityThatIsTakenAwayCutsItsPeersOff) {
  Start(kAccess);
  const PemFiles old = Client(kName);
  percpu::RemoteSessionOptions options{.calls = CallsAs(old), .command = "old"};
  // It cannot say good-bye any more.
  options.calls.deadline = absl::Seconds(3);
  auto session = percpu::RemoteSession::Open(SdkAddress(), options);
  ASSERT_TRUE(session.ok()) << session.status();
  const std::string next_ca = pki_.Authority("next");
  const PemFiles next = pki_.Issue(next_ca, "next-client", {.names = kName});
  const PemFiles next_server = Server(next_ca, "next-server");
  // Both are good for a while, as in a change of authorities that nobody is to notice.
  WriteText(dir_.path() + "/both.pem", ReadText(ca_ + ".pem") + ReadText(next_ca + ".pem"));
  Put(dir_.path() + "/both.pem", live_.ca);
  ReloadUntil("the certificate in use is valid until");
  PemFiles between = next;
  between.ca = old.ca;
  EXPECT_EQ(Percpuctl(between, {"alloc", "8"}).exit_code, 0) << log();
  EXPECT_TRUE((*session)->client().Allocate({.size_bytes = 8}).ok());
  // Then the old one goes.
  Use(next_server);
  EXPECT_TRUE(AwaitLog("is cut off: nothing vouches for its certificate any more"));
  EXPECT_EQ(Percpuctl(next, {"alloc", "8"}).exit_code, 0) << log();
  PemFiles late = old;
  late.ca = next.ca;
  EXPECT_EQ(Percpuctl(late, {"ping"}).exit_code, 4);
}

TEST_F(TlsReloadTest, ARevokedCertificateIsRefused) {
  const std::string lists = dir_.path() + "/lists";
  std::filesystem::create_directory(lists);
  const PemFiles good = Client(kName);
  const PemFiles bad = Client("URI:spiffe://td/app/2");
  pki_.Revoke(ca_, {}, lists + "/ca.pem");
  Start(kAccess, {"--tls-crl-dir", lists});
  EXPECT_EQ(Percpuctl(good, {"alloc", "8"}).exit_code, 0) << log();
  EXPECT_EQ(Percpuctl(bad, {"alloc", "8"}).exit_code, 0) << log();
  pki_.Revoke(ca_, {bad}, lists + "/ca.pem");
  ReloadUntil("the certificate in use is valid until");
  EXPECT_EQ(Percpuctl(bad, {"alloc", "8"}).exit_code, 4);
  EXPECT_TRUE(AwaitLog("certificate revoked"));
  EXPECT_EQ(Percpuctl(good, {"alloc", "8"}).exit_code, 0) << log();
}

TEST_F(TlsReloadTest, ARevokedAuthorityTakesItsCertificatesWithIt) {
  const std::string lists = dir_.path() + "/lists";
  std::filesystem::create_directory(lists);
  const PemFiles below = pki_.Issue(ca_, "below", {.names = {}, .usage = {}, .is_authority = true});
  PemFiles client = pki_.Issue(dir_.path() + "/below", "of-below", {.names = kName});
  WriteText(client.certificate, ReadText(client.certificate) + ReadText(below.certificate));
  client.ca = ca_ + ".pem";
  pki_.Revoke(ca_, {}, lists + "/ca.pem");
  pki_.Revoke(dir_.path() + "/below", {}, lists + "/below.pem");
  Start(kAccess, {"--tls-crl-dir", lists});
  const auto channel = Channel(client);
  EXPECT_TRUE(Ping(channel)) << log();
  pki_.Revoke(ca_, {below}, lists + "/ca.pem");
  ReloadUntil("is cut off: nothing vouches for its certificate any more");
  EXPECT_FALSE(Ping(channel));
  EXPECT_EQ(Percpuctl(client, {"alloc", "8"}).exit_code, 4);
  EXPECT_EQ(Percpuctl(Client(kName), {"alloc", "8"}).exit_code, 0) << log();
}

TEST_F(TlsReloadTest, ListsThatAreTooLargeTogetherAreRefused) {
  const std::string lists = dir_.path() + "/lists";
  std::filesystem::create_directory(lists);
  pki_.Revoke(ca_, {}, lists + "/ca.pem");
  Start(kAccess, {"--tls-crl-dir", lists});
  const std::string filler(1 << 19, '\n');
  for (int i = 0; i < 17; ++i) WriteText(absl::StrCat(lists, "/", i, ".pem"), filler);
  ReloadUntil("its lists are over the limit of 8388608 bytes; the certificates in use stay");
  EXPECT_EQ(Percpuctl(Client(kName), {"alloc", "8"}).exit_code, 0) << log();
}

TEST_F(TlsReloadTest, AConnectionEndsWithItsCertificate) {
  Start(kAccess);
  const PemFiles brief = pki_.Shorten(ca_, Client(kName), absl::Now() + absl::Seconds(4));
  const auto channel = Channel(brief);
  EXPECT_TRUE(Ping(channel)) << log();
  EXPECT_TRUE(AwaitLog("is cut off: nothing vouches for its certificate any more"));
  EXPECT_FALSE(Ping(channel));
}

TEST_F(TlsReloadTest, AChainOfHundredsIsRefused) {
  Start(kAccess);
  const PemFiles client = Client(kName);
  const std::string own = ReadText(client.certificate);
  std::string many = own;
  while (many.size() < (60 << 10)) many += own;
  WriteText(client.certificate, many);
  EXPECT_FALSE(Ping(Channel(client)));
  EXPECT_TRUE(AwaitLog("its certificate: certificate chain too long"));
}

// --- Handshakes --------------------------------------------------------------------

// How a peer begins a handshake that it does not end.
enum class Manner { kSilent, kTwoBytes, kByteByByte };

class StalledPeers {
 public:
  StalledPeers(std::string address, Manner manner)
      : address_(std::move(address)), manner_(manner), hello_(ClientHello()) {}

  void Open(int count) {
    for (int i = 0; i < count; ++i) {
      UniqueFd fd = ConnectTcp(address_);
      ASSERT_TRUE(fd.ok());
      if (manner_ == Manner::kTwoBytes) send(fd.get(), hello_.data(), 2, MSG_NOSIGNAL);
      peers_.push_back({.fd = std::move(fd)});
    }
  }
  // Has each say its next byte, if that is its manner, and lets those go on which the gateway
  // has hung up. Returns how many are left.
  std::size_t GoOn() {
    std::erase_if(peers_, [this](Peer& peer) {
      if (manner_ == Manner::kByteByByte && peer.said < hello_.size()) {
        send(peer.fd.get(), &hello_[peer.said++], 1, MSG_NOSIGNAL);
      }
      std::array<char, 4096> heard;
      const ssize_t got = recv(peer.fd.get(), heard.data(), heard.size(), MSG_DONTWAIT);
      return got == 0 || (got < 0 && errno != EAGAIN);
    });
    return peers_.size();
  }

 private:
  struct Peer {
    UniqueFd fd;
    std::size_t said = 0;
  };
  const std::string address_;
  const Manner manner_;
  const std::string hello_;
  std::vector<Peer> peers_;
};

class StalledHandshakesTest : public TlsReloadTest, public ::testing::WithParamInterface<Manner> {};

TEST_P(StalledHandshakesTest, AThousandStopNobodyElse) {
  Start(kAccess);
  const PemFiles client = Client(kName);
  StalledPeers peers(TlsPort(), GetParam());
  // At any time far more than there are places.
  for (int i = 0; i < 10; ++i) {
    ASSERT_NO_FATAL_FAILURE(peers.Open(100));
    peers.GoOn();
    EXPECT_EQ(Percpuctl(client, {"alloc", "8"}).exit_code, 0) << i << log();
  }
  // All of them are gone before long.
  EXPECT_TRUE(Await([&] { return peers.GoOn() == 0; }));
  EXPECT_EQ(Percpuctl(client, {"alloc", "8"}).exit_code, 0) << log();
}

constexpr std::array kManners{Manner::kSilent, Manner::kTwoBytes, Manner::kByteByByte};
constexpr std::array kMannerNames{"Silent", "TwoBytes", "ByteByByte"};

INSTANTIATE_TEST_SUITE_P(Manners, StalledHandshakesTest, ::testing::ValuesIn(kManners),
                         [](const auto& test) { return std::string(kMannerNames[test.index]); });

TEST_F(TlsReloadTest, HandshakesComeAtTheirRate) {
  Start(kAccess, {"--tls-handshakes-per-second", "5"});
  const PemFiles client = Client(kName);
  const absl::Time start = absl::Now();
  constexpr int kConnections = 18;
  for (int i = 0; i < kConnections; ++i) {
    auto each = percpu::Client::Connect(SdkAddress(), CallsAs(client));
    ASSERT_TRUE(each.ok()) << each.status();
    EXPECT_TRUE(each->Ping().ok());
  }
  // Eight at once, and then five a second.
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(1900));
}

}  // namespace
}  // namespace percpud::testing
