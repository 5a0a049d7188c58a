// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The exporter's pages, asked for as a scraper does: over HTTP, of the program itself.

#include "client/exporter/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "tests/support/fake_metrics_daemon.h"
#include "tests/support/process.h"

namespace percpud::exporter {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::FakeMetricsDaemon;
using percpud::testing::Process;
using percpud::testing::RunToEnd;
using percpud::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kPatienceMs = 30'000;
constexpr char kOpenMetrics[] = "Accept: application/openmetrics-text;version=1.0.0\r\n";

class ScrapeTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  void StartExporter(std::vector<std::string> flags = {}) {
    std::vector<std::string> command = {BinaryPath("percpud-exporter"), "--address", address_,
                                        "--listen", "unix:" + socket_};
    command.insert(command.end(), flags.begin(), flags.end());
    auto started = Process::Spawn(command);
    ASSERT_TRUE(started.ok()) << started.status();
    exporter_.emplace(*std::move(started));
    const absl::Status ready =
        exporter_->WaitForLine("percpud-exporter: serving at unix:", absl::Seconds(30));
    ASSERT_TRUE(ready.ok()) << ready;
  }
  // The whole answer to a request, headers too.
  std::string Ask(const std::string& request) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    socket_.copy(to.sun_path, sizeof(to.sun_path) - 1);
    const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(connection, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    EXPECT_EQ(send(connection, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string out;
    char part[4096];
    for (ssize_t size = 0; (size = recv(connection, part, sizeof(part), 0)) > 0;) {
      out.append(part, static_cast<std::size_t>(size));
    }
    close(connection);
    return out;
  }
  std::string Get(const std::string& path, const std::string& headers = "") {
    return Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
  }
  static std::string Body(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
  }
  // Adds to `hits` in a namespace.
  void Count(const char* name_space, double amount, percpud_type type = PERCPUD_COUNTER) {
    percpud_options options{};
    options.size = sizeof(options);
    options.address = address_.c_str();
    options.name_space = name_space;
    const Client client(percpud_open_as(&options), &percpud_close);
    percpud_family_options hits{};
    hits.size = sizeof(hits);
    hits.name = "hits";
    hits.type = type;
    percpud_family* const family = percpud_family_open(client.get(), &hits);
    percpud_series* const series = percpud_series_open(family, nullptr);
    percpud_add(series, amount);
    percpud_observe(series, amount);
    ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  }
  void ExpectValid(const std::string& text) {
    const std::string file = dir_.path() + "/exposition";
    std::ofstream(file, std::ios::binary) << text;
    const char* const parser = std::getenv("PERCPUD_PARSE_EXPOSITION");
    ASSERT_NE(parser, nullptr);
    const auto ran = RunToEnd({"/usr/bin/python3", parser, "openmetrics", file});
    ASSERT_TRUE(ran.ok()) << ran.status();
    EXPECT_EQ(ran->exit_code, 0) << ran->err << text;
  }

  TempDir dir_;
  std::string address_ = "unix:" + dir_.path() + "/percpud.sock";
  std::string socket_ = dir_.path() + "/exporter.sock";
  FakeMetricsDaemon daemon_{address_};
  std::optional<Process> exporter_;
};

TEST_F(ScrapeTest, AllNamespacesAndOneAlone) {
  Count("shop", 2.5);
  Count("a/b c", 4);
  StartExporter();
  const std::string all = Get("/metrics", kOpenMetrics);
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(all, HasSubstr("application/openmetrics-text; version=1.0.0; charset=utf-8"));
  EXPECT_THAT(Body(all), HasSubstr("# TYPE hits counter\n"
                                   "hits_total{percpud_namespace=\"shop\"} 2.5\n"
                                   "hits_total{percpud_namespace=\"a/b c\"} 4\n"));
  EXPECT_THAT(Body(all), HasSubstr("percpud_up 1\n"));
  ExpectValid(Body(all));
  const std::string one = Body(Get("/metrics/a%2Fb%20c", kOpenMetrics));
  EXPECT_THAT(one, HasSubstr("hits_total 4\n"));
  EXPECT_THAT(one, Not(HasSubstr("2.5")));
  ExpectValid(one);
}

TEST_F(ScrapeTest, ValuesAreThoseOfTheScrape) {
  Count("shop", 1);
  StartExporter();
  EXPECT_THAT(Get("/metrics/shop"), HasSubstr("hits_total 1\n"));
  Count("shop", 1);
  EXPECT_THAT(Get("/metrics/shop"), HasSubstr("hits_total 2\n"));
  Count("late", 7);
  EXPECT_THAT(Get("/metrics/late"), HasSubstr("hits_total 7\n"));
}

TEST_F(ScrapeTest, WithoutTheDaemonNumbersComeFromTheArena) {
  Count("shop", 1);
  StartExporter();
  EXPECT_THAT(Get("/-/ready"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/metrics"), HasSubstr("percpud_up 1\n"));
  daemon_.Stop();
  const std::string away = Get("/metrics", kOpenMetrics);
  EXPECT_THAT(away, HasSubstr("hits_total{percpud_namespace=\"shop\"} 1\n"));
  EXPECT_THAT(away, HasSubstr("percpud_up 0\n"));
  ExpectValid(Body(away));
  EXPECT_THAT(Get("/-/ready"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
  daemon_.Start();
  EXPECT_THAT(Get("/metrics"), HasSubstr("percpud_up 1\n"));
}

TEST_F(ScrapeTest, BeforeTheDaemonIsThere) {
  daemon_.Stop();
  StartExporter();
  const std::string text = Body(Get("/metrics", kOpenMetrics));
  EXPECT_THAT(text, HasSubstr("percpud_up 0\n"));
  ExpectValid(text);
}

TEST_F(ScrapeTest, OfTwoTypesOfOneNameTheFirstIsShown) {
  Count("first", 1);
  Count("second", 2, PERCPUD_SUMMARY);
  StartExporter();
  const std::string all = Body(Get("/metrics", kOpenMetrics));
  EXPECT_THAT(all, HasSubstr("hits_total{percpud_namespace=\"first\"} 1\n"));
  EXPECT_THAT(all, Not(HasSubstr("hits_count")));
  EXPECT_THAT(all, HasSubstr("percpud_exporter_left_out_families 1\n"));
  ExpectValid(all);
  EXPECT_THAT(Get("/metrics/second"), HasSubstr("hits_count 1\n"));
}

TEST_F(ScrapeTest, LongPagesAreCompressedOnRequest) {
  Count("shop", 1);
  for (int i = 0; i < 80; ++i) Count(("namespace " + std::to_string(i)).c_str(), i);
  StartExporter();
  const std::string plain = Get("/metrics");
  EXPECT_THAT(plain, Not(HasSubstr("Content-Encoding")));
  const std::string zipped = Get("/metrics", "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(zipped, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_LT(zipped.size(), plain.size() / 2);
  EXPECT_THAT(Get("/metrics/shop", "Accept-Encoding: gzip\r\n"),
              Not(HasSubstr("Content-Encoding")));
}

TEST_F(ScrapeTest, WhatIsNotServed) {
  StartExporter();
  EXPECT_THAT(Get("/nowhere"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                  "Content-Length: 3\r\n\r\nabc"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Get("/metrics", "X: " + std::string(100'000, 'x') + "\r\n"),
              Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ScrapeTest, ListensOnLoopbackAndEndsWhenItIsTold) {
  StartExporter({"--listen", "127.0.0.1:0", "--listen", "[::1]:0"});
  ASSERT_TRUE(
      exporter_->WaitForLine("percpud-exporter: serving at [::1]:", absl::Seconds(30)).ok());
  EXPECT_THAT(exporter_->out(), HasSubstr("serving at 127.0.0.1:"));
  exporter_->Kill(SIGTERM);
  const auto status = exporter_->Wait(absl::Seconds(30));
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(*status, 0);
  // What was left of it is replaced.
  StartExporter();
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ScrapeTest, AddressesThatCannotBe) {
  for (const char* address : {"nowhere", "127.0.0.1:none", "unix:"}) {
    const auto ran = RunToEnd({BinaryPath("percpud-exporter"), "--listen", address});
    ASSERT_TRUE(ran.ok());
    EXPECT_EQ(ran->exit_code, 1);
    EXPECT_THAT(ran->err, HasSubstr(std::string("--listen ") + address));
  }
}

}  // namespace
}  // namespace percpud::exporter
