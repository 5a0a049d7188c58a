// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/config.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

// CheckConfig of a text, on four CPUs unless it says otherwise.
absl::StatusOr<DaemonConfig> Check(const std::string& text) {
  config::v1::Config config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  if (config.cpus().source_case() == config::v1::Cpus::SOURCE_NOT_SET) {
    config.mutable_cpus()->set_count(4);
  }
  return CheckConfig(config);
}

// The message begins with the field at fault and says `why`.
void ExpectRefused(const std::string& text, const std::string& field, const std::string& why) {
  const absl::StatusOr<DaemonConfig> config = Check(text);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_THAT(std::string(config.status().message()), StartsWith(field + ": ")) << text;
  EXPECT_THAT(std::string(config.status().message()), HasSubstr(why)) << text;
}

TEST(ConfigTest, AnEmptyOneHasTheDocumentedDefaults) {
  const absl::StatusOr<DaemonConfig> config = Check("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->listen, ElementsAre("unix:/run/percpud/percpud.sock"));
  EXPECT_EQ(config->socket_mode, 0660U);
  EXPECT_EQ(config->arena_size, Bytes(256 << 20));
  EXPECT_EQ(config->page_size, Bytes(4096));
  EXPECT_EQ(config->backend, "km");
  EXPECT_EQ(config->sizes.static_size, StaticLayout::kNullGuard);
  EXPECT_EQ(config->sizes.reserved_size, Bytes(0));
  EXPECT_EQ(config->sizes.static_size + config->sizes.dyn_size, Bytes(64 << 10));
  EXPECT_EQ(config->sizes.atom_size, Bytes(4096));
  EXPECT_EQ(config->balance.empty_pages_low, 2U);
  EXPECT_EQ(config->balance.empty_pages_high, 4U);
  EXPECT_EQ(config->balance.free_chunks_min, 1U);
  EXPECT_EQ(config->balance.free_chunks_max_percent, 16U);
  EXPECT_EQ(config->balance.free_chunk_age, absl::Seconds(10));
  EXPECT_EQ(config->limits.batch, 4096U);
  EXPECT_EQ(config->limits.transfer, Bytes(1 << 20));
  EXPECT_EQ(config->limits.watchers, 64U);
  EXPECT_EQ(config->message_limit, Bytes(4 << 20));
  EXPECT_EQ(config->log_level, "info");
}

TEST(ConfigTest, EveryFieldIsTaken) {
  const absl::StatusOr<DaemonConfig> config = Check(R"(
    listen: "unix:/a" listen: "127.0.0.1:80"  socket_mode: "0600"
    gateway: "unix:/g"
    arena_size: "1GiB" page_size: "2MiB" backend: "km" unit_size: "128KiB"
    static_size: "4KiB" reserved_size: "8KiB" atom_size: "4MiB"
    cpus { synthetic: "numa:2 core:2 pu:1" select: "0,3" }
    static_variables { name: "hits" type: "counter" }
    static_variables { name: "lat" type: "histogram" size: "256" alignment: 64 }
    balancer { empty_pages_low: 0 empty_pages_high: 0 free_chunks_min: 0
               free_chunks_max_percent: 50 free_chunk_age: "250ms" }
    limits { batch: 16 transfer: "4KiB" message: "64KiB" watchers: 3 }
    log_level: "debug")");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->listen, ElementsAre("unix:/a", "127.0.0.1:80"));
  EXPECT_EQ(config->socket_mode, 0600U);
  EXPECT_EQ(config->gateway, "/g");
  EXPECT_EQ(config->arena_size, Bytes(1 << 30));
  EXPECT_EQ(config->page_size, Bytes(2 << 20));
  EXPECT_EQ(config->sizes.static_size, Bytes(4096));
  EXPECT_EQ(config->sizes.reserved_size, Bytes(8192));
  EXPECT_EQ(config->sizes.dyn_size, Bytes((128 << 10) - 4096 - 8192));
  EXPECT_EQ(config->sizes.atom_size, Bytes(4 << 20));
  ASSERT_EQ(config->topology.cpus.size(), 2U);
  EXPECT_EQ(config->topology.cpus[1].id, CpuId(3));
  ASSERT_EQ(config->statics.variables().size(), 2U);
  EXPECT_EQ(config->statics.variables()[0].size, Bytes(8));
  EXPECT_EQ(config->statics.variables()[1].alignment, Bytes(64));
  EXPECT_EQ(config->balance.empty_pages_high, 0U);
  EXPECT_EQ(config->balance.free_chunk_age, absl::Milliseconds(250));
  EXPECT_EQ(config->limits.batch, 16U);
  EXPECT_EQ(config->limits.transfer, Bytes(4096));
  EXPECT_EQ(config->limits.watchers, 3U);
  EXPECT_EQ(config->message_limit, Bytes(64 << 10));
  EXPECT_EQ(config->log_level, "debug");
}

TEST(ConfigTest, TheAtomFollowsThePage) {
  const absl::StatusOr<DaemonConfig> config = Check(R"(page_size: "2MiB")");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->sizes.atom_size, Bytes(2 << 20));
}

TEST(ConfigTest, BadAddressesAreNamed) {
  ExpectRefused(R"(listen: "")", "listen", "neither");
  ExpectRefused(R"(listen: "unix:")", "listen", "absolute");
  ExpectRefused(R"(listen: "unix:relative")", "listen", "absolute");
  ExpectRefused(absl::StrCat("listen: \"unix:/", std::string(102, 'x'), "\""), "listen", "longer");
  for (const char* address : {"localhost", ":80", "host:", "host:http", "host:65536", "host:-1",
                              "host:+80", "host: 80"}) {
    ExpectRefused(absl::StrCat("listen: \"", address, "\""), "listen", address);
  }
  ExpectRefused(R"(listen: "h:1" listen: "h:1")", "listen", "twice");
  ExpectRefused(R"(socket_mode: "0888")", "socket_mode", "0888");
}

TEST(ConfigTest, TcpIsServedOnLoopbackOnly) {
  for (const char* address : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(Check(absl::StrCat("listen: \"", address, "\"")).ok()) << address;
  }
  for (const char* address : {"0.0.0.0:1", "[::]:1", "10.0.0.7:1", "example.org:1",
                              "localhost.example.org:1", "128.0.0.1:1", "*:1"}) {
    ExpectRefused(absl::StrCat("listen: \"", address, "\""), "listen", "loopback");
  }
}

TEST(ConfigTest, TlsIsServedAnywhereAndNeedsItsFiles) {
  constexpr char kFiles[] = R"(tls { cert_file: "/c" key_file: "/k" trusted_ca_file: "/a" )";
  for (const char* address : {"0.0.0.0:1", "[::]:1", "example.org:1", "127.0.0.1:1"}) {
    const std::string listen = absl::StrCat("listen: \"tls:", address, "\" ");
    const auto config = Check(absl::StrCat(listen, kFiles, "}"));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_TRUE(config->tls.client_cert_auth);
    EXPECT_EQ(config->tls.check_interval, absl::Seconds(10));
    EXPECT_EQ(config->tls.handshakes_per_second, 50U);
    ExpectRefused(listen, "tls.cert_file", "needed");
    ExpectRefused(absl::StrCat(listen, kFiles, R"(check_interval: "1ms" })"), "tls.check_interval",
                  "100ms");
    ExpectRefused(absl::StrCat(listen, kFiles, "handshakes_per_second: 100000 }"),
                  "tls.handshakes_per_second", "100000");
    ExpectRefused(absl::StrCat(listen, kFiles, R"(crl_dir: "here" })"), "tls.crl_dir", "absolute");
  }
  ExpectRefused(absl::StrCat(kFiles, "}"), "tls", "no tls: address");
  for (const char* address : {"tls:", "tls:1", "tls::1", "tls:host:", "tls:host:65536"}) {
    ExpectRefused(absl::StrCat("listen: \"", address, "\" ", kFiles, "}"), "listen", address);
  }
}

TEST(ConfigTest, CertificatesAreNamedBesideUsers) {
  const auto config = Check(R"(access {
    operators: "spiffe:spiffe://td/ops/*" clients: "dns:app.example" clients: "cn:*"
    viewers: "user:0" viewers: "cn:look" })");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->certificates.operators, ElementsAre("spiffe:spiffe://td/ops/*"));
  EXPECT_THAT(config->certificates.clients, ElementsAre("dns:app.example", "cn:*"));
  EXPECT_THAT(config->certificates.viewers, ElementsAre("cn:look"));
  // What users may do is as it was.
  EXPECT_TRUE(config->access.clients.everybody);
  EXPECT_THAT(config->access.viewers.users, ElementsAre(UserId(0)));
  for (const char* entry : {"spiffe:td/app", "spiffe:", "dns:", "cn:", "dns:*.example"}) {
    ExpectRefused(absl::StrCat("access { clients: \"", entry, "\" }"), "access.clients", entry);
  }
}

TEST(ConfigTest, WhatLeavesTheHostIsNamed) {
  EXPECT_TRUE(Check("")->exports.families.empty());
  const auto config = Check(R"(export {
    families: "shop/http_*" families: "*" variables: "hits" variables: "db.*" })");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->exports.families, ElementsAre("shop/http_*", "*"));
  EXPECT_THAT(config->exports.variables, ElementsAre("hits", "db.*"));
  for (const char* entry : {"hits", "shop/", "sh*p/hits"}) {
    ExpectRefused(absl::StrCat("export { families: \"", entry, "\" }"), "export.families", entry);
  }
  ExpectRefused(R"(export { variables: "a*b" })", "export.variables", "a*b");
}

TEST(ConfigTest, TcpPeersMayLookAtMost) {
  constexpr char kTcp[] = R"(listen: "127.0.0.1:1" )";
  EXPECT_TRUE(Check(absl::StrCat(kTcp, R"(access { remote: "viewer" })")).ok());
  for (const char* role : {"client", "operator"}) {
    const std::string access = absl::StrCat("access { remote: \"", role, "\" }");
    ExpectRefused(absl::StrCat(kTcp, access), "access.remote", role);
    EXPECT_TRUE(Check(access).ok()) << "nobody comes by TCP";
  }
}

TEST(ConfigTest, EverythingThatIsWrongIsNamedAtOnce) {
  const absl::StatusOr<DaemonConfig> config = Check(R"(
    listen: "0.0.0.0:1" socket_mode: "999" door: "here" gateway: "there" arena_size: "big" update_mode: "fast"
    access { operators: "me" } quotas { per_user { bytes: "some" } }
    catalog: "relative" balancer { free_chunk_age: "old" } limits { watchers: 20000 }
    log_level: "loud")");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> fields;
  for (const absl::string_view line : absl::StrSplit(config.status().message(), '\n')) {
    fields.emplace_back(line.substr(0, line.find(':')));
  }
  EXPECT_THAT(fields, UnorderedElementsAre(
                          "listen", "socket_mode", "door", "gateway", "arena_size", "update_mode",
                          "access.operators", "quotas.per_user.bytes", "catalog",
                          "balancer.free_chunk_age", "limits.watchers", "log_level"));
}

TEST(ConfigTest, ASkewIsTakenAndStaticVariablesKeepToIt) {
  const auto config = Check(R"(unit_skew: "128" static_variables {
    name: "a" type: "bytes" size: "8" alignment: 128 })");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->sizes.unit_skew, Bytes(128));
  EXPECT_EQ(Check("")->sizes.unit_skew, Bytes(0));
  ExpectRefused(R"(unit_skew: "64" static_variables {
    name: "a" type: "bytes" size: "8" alignment: 128 })",
                "static_variables[a].alignment", "128 is over unit_skew, 64");
}

TEST(ConfigTest, ABackendsOptionsGoWithIt) {
  EXPECT_FALSE(Check("")->backend_options.return_tail);
  EXPECT_TRUE(Check("km { return_tail: true }")->backend_options.return_tail);
  ExpectRefused(R"(backend: "vm" km { return_tail: true })", "km.return_tail", "vm");
  EXPECT_FALSE(Check(R"(first_chunk: "embed")")->backend_options.page_first_chunk);
  EXPECT_TRUE(Check(R"(backend: "vm" first_chunk: "page")")->backend_options.page_first_chunk);
  ExpectRefused(R"(first_chunk: "pages")", "first_chunk", "pages");
}

TEST(ConfigTest, TransparentHugePagesGoWithWholeOnesOnly) {
  constexpr char kField[] = "transparent_huge_pages";
  const auto config = Check("transparent_huge_pages: true");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->transparent_huge_pages);
  EXPECT_EQ(config->page_size, Bytes(4096));
  EXPECT_EQ(config->sizes.atom_size, kHugePageSize);
  EXPECT_FALSE(Check("")->transparent_huge_pages);
  EXPECT_TRUE(Check(R"(transparent_huge_pages: true atom_size: "4MiB")").ok());
  ExpectRefused(R"(transparent_huge_pages: true atom_size: "4KiB")", "atom_size", kField);
  ExpectRefused(R"(transparent_huge_pages: true atom_size: "0")", "atom_size", kField);
  ExpectRefused(R"(transparent_huge_pages: true arena_size: "3MiB")", "arena_size", kField);
  ExpectRefused(R"(transparent_huge_pages: true page_size: "2MiB")", kField, "page_size of 2MiB");
  ExpectRefused(R"(transparent_huge_pages: true backend: "vm")", kField, "needs km: vm backs");
  ExpectRefused("transparent_huge_pages: true km { return_tail: true }", kField, "km.return_tail");
}

TEST(ConfigTest, QuotasOfOpenersAndOfVariables) {
  const auto config = Check(R"(quotas {
    remote_sessions_per_opener: 7 variables_per_user { count: 0 bytes: "1MiB" } })");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->sessions.limits.remote_sessions_per_opener, 7U);
  EXPECT_EQ(config->sessions.limits.variables_per_user.count, 0U);
  EXPECT_EQ(config->sessions.limits.variables_per_user.bytes, Bytes(1 << 20));
  EXPECT_EQ(Check("")->sessions.limits.remote_sessions_per_opener, 256U);
  const auto catalog = Check(R"(quotas { per_user { catalog_bytes: "2MiB" } })");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(catalog->sessions.limits.per_user.records, Bytes(2 << 20));
  EXPECT_EQ(catalog->sessions.limits.per_session.records, Bytes::Max());
  ExpectRefused(R"(quotas { per_session { catalog_bytes: "lots" } })",
                "quotas.per_session.catalog_bytes", "lots");
  ExpectRefused(R"(quotas { variables_per_user { bytes: "much" } })",
                "quotas.variables_per_user.bytes", "much");
}

TEST(ConfigTest, BadSizesAreNamed) {
  for (const char* field : {"arena_size", "page_size", "unit_size", "unit_skew", "static_size",
                            "reserved_size", "atom_size"}) {
    ExpectRefused(absl::StrCat(field, ": \"12 apples\""), field, "12 apples");
    ExpectRefused(absl::StrCat(field, ": \"-1\""), field, "-1");
  }
  ExpectRefused(R"(unit_size: "16KiB")", "unit_size", "32768");
  ExpectRefused(R"(unit_size: "2GiB")", "unit_size", "1073741824");
  ExpectRefused(R"(static_size: "18446744073709551615")", "static_size", "18446744073709551615");
  ExpectRefused(R"(reserved_size: "18446744073709551615")", "reserved_size", "1844674407370955");
}

TEST(ConfigTest, PartsThatLeaveNoDynamicRoomAreNamedTogether) {
  ExpectRefused(R"(unit_size: "64KiB" static_size: "32KiB" reserved_size: "24KiB")", "unit_size",
                "less than 12KiB beside static_size 32KiB and reserved_size 24KiB");
  EXPECT_TRUE(Check(R"(unit_size: "64KiB" static_size: "32KiB" reserved_size: "20KiB")").ok());
}

TEST(ConfigTest, BadStaticVariablesAreNamed) {
  ExpectRefused(R"(static_variables { name: "x" type: "float" })", "static_variables[x]", "float");
  ExpectRefused(R"(static_variables { name: "x" type: "counter" size: "4" })",
                "static_variables[x].size", "8 bytes");
  ExpectRefused(R"(static_variables { name: "x" type: "gauge" size: "big" })",
                "static_variables[x].size", "big");
  ExpectRefused(R"(static_variables { name: "x" type: "gauge" alignment: 4 })",
                "static_variables[x].alignment", "8 or more");
  ExpectRefused(R"(static_variables { name: "x" type: "histogram" size: "20" })",
                "static_variables[x].size", "a multiple of 8");
  ExpectRefused(R"(static_variables { name: "x" type: "bytes" })", "static_variables[x].size",
                "0B");
  ExpectRefused(R"(static_variables { name: "x" type: "bytes" size: "8" alignment: 48 })",
                "static_variables[x].alignment", "48");
  ExpectRefused(R"(static_variables { name: "a b" type: "counter" })", "static_variables[a b].name",
                "letters");
  ExpectRefused(R"(static_variables { name: "x" type: "counter" }
                   static_variables { name: "x" type: "gauge" })",
                "static_variables", "x is named twice");
  ExpectRefused(R"(static_size: "64" static_variables { name: "x" type: "counter" })",
                "static_size", "72");
}

TEST(ConfigTest, BadCpusAreNamed) {
  ExpectRefused("cpus { count: 0 }", "cpus.count", "0");
  ExpectRefused("cpus { count: 4097 }", "cpus.count", "4097");
  ExpectRefused(R"(cpus { synthetic: "twelve" })", "cpus.synthetic", "twelve");
  ExpectRefused(R"(cpus { xml_file: "/nowhere.xml" })", "cpus.xml_file", "/nowhere.xml");
  ExpectRefused(R"(cpus { count: 4 select: "0-4" })", "cpus.select", "CPU 4");
  ExpectRefused(R"(cpus { count: 4 select: "3-1" })", "cpus.select", "3-1");
}

TEST(ConfigTest, BadBalancersAreNamed) {
  ExpectRefused("balancer { empty_pages_low: 5 }", "balancer.empty_pages_high",
                "4 is below empty_pages_low, 5");
  ExpectRefused("balancer { empty_pages_high: 4294967295 }", "balancer.empty_pages_high",
                "4294967295");
  ExpectRefused("balancer { free_chunks_max_percent: 101 }", "balancer.free_chunks_max_percent",
                "101");
  ExpectRefused(R"(balancer { free_chunk_age: "10" })", "balancer.free_chunk_age", "10");
  ExpectRefused(R"(balancer { free_chunk_age: "-1s" })", "balancer.free_chunk_age", "-1s");
}

TEST(ConfigTest, TheCatalogLiesBesideTheArena) {
  const auto config = Check(R"(arena: "file:/run/p/arena" resume_window: "5s")");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->arena_file, "/run/p/arena");
  EXPECT_EQ(config->catalog, "/run/p/arena.catalog");
  EXPECT_EQ(config->sessions.limits.resume_window, absl::Seconds(5));
  EXPECT_EQ(Check(R"(arena: "file:/a" catalog: "/c")")->catalog, "/c");
  EXPECT_EQ(Check(R"(arena: "memfd")")->catalog, "");
  ExpectRefused(R"(arena: "disk")", "arena", "neither");
  ExpectRefused(R"(arena: "file:relative")", "arena", "absolute");
  ExpectRefused(R"(catalog: "relative")", "catalog", "absolute");
  ExpectRefused(R"(resume_window: "soon")", "resume_window", "30s");
}

TEST(ConfigTest, BadLimitsAreNamed) {
  ExpectRefused("metrics { namespaces_per_user: 4097 }", "metrics.namespaces_per_user", "4097");
  ExpectRefused("metrics { series_per_family: 1048577 }", "metrics.series_per_family", "1048577");
  ExpectRefused(R"(metrics { keep_dead: "late" })", "metrics.keep_dead", "late");
  ExpectRefused("limits { batch: 65537 }", "limits.batch", "65537");
  ExpectRefused(R"(limits { transfer: "much" })", "limits.transfer", "much");
  ExpectRefused(R"(limits { transfer: "0" })", "limits.transfer", "0");
  ExpectRefused(R"(limits { message: "1KiB" })", "limits.message", "1024");
  ExpectRefused(R"(limits { message: "4GiB" })", "limits.message", "4294967296");
  ExpectRefused(R"(limits { transfer: "4MiB" })", "limits.transfer", "limits.message");
  ExpectRefused(R"(limits { transfer: "4KiB" message: "64KiB" batch: 8192 })", "limits.batch",
                "limits.message");
  ExpectRefused("limits { watchers: 10001 }", "limits.watchers", "10001");
  ExpectRefused(R"(log_level: "loud")", "log_level", "loud");
}

class ConfigFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<config::v1::Config> Read(const std::string& text) {
    path_ = dir_.path() + "/percpud.textproto";
    std::ofstream(path_) << text;
    return ReadConfig(path_);
  }

  testing::TempDir dir_;
  std::string path_;
};

TEST_F(ConfigFileTest, IsReadWhole) {
  const auto config = Read("# units\nunit_size: \"1MiB\"\ncpus { count: 3 }\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->unit_size(), "1MiB");
  EXPECT_EQ(config->cpus().count(), 3U);
  EXPECT_TRUE(Read("").ok());
}

TEST_F(ConfigFileTest, ErrorsNameFileLineColumnAndField) {
  const auto unknown = Read("arena_size: \"1GiB\"\n  unit_sise: \"64KiB\"\n");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr(path_ + ":2:"));
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("unit_sise"));
  const auto mistyped = Read("cpus {\n  count: \"four\"\n}\n");
  EXPECT_THAT(std::string(mistyped.status().message()), HasSubstr(path_ + ":2:"));
  const auto unclosed = Read("cpus { count: 4");
  EXPECT_THAT(std::string(unclosed.status().message()), HasSubstr(path_ + ":1:"));
  EXPECT_FALSE(Read(std::string(1000, '{')).ok());
  EXPECT_FALSE(Read(std::string("\0\xff\xfe", 3)).ok());
}

TEST_F(ConfigFileTest, WhatCannotBeReadIsRefused) {
  EXPECT_THAT(std::string(ReadConfig(dir_.path() + "/none").status().message()),
              HasSubstr(dir_.path() + "/none"));
  EXPECT_FALSE(ReadConfig(dir_.path()).ok());
}

}  // namespace
}  // namespace percpud
