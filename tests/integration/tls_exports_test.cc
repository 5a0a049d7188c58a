// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What leaves a host: callers by TLS read what rules of `export` name, through the real gateway.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/metrics.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"
#include "tests/integration/tls_rig.h"

namespace percpud::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Metrics = v1::MetricsService::Stub;
using Memory = v1::MemoryService::Stub;

constexpr char kAccess[] = R"(access {
  remote: "viewer" operators: "cn:ops*" viewers: "dns:scrape.example" } )";
constexpr char kExport[] = R"(export { families: "default/hit*" variables: "rows" })";

class TlsExportsTest : public TlsTest {
 protected:
  // Two families and two variables, made by a process of the host.
  void Fill() {
    for (const char* const name : {"hits", "cash"}) {
      const auto ran =
          RunToEnd({BinaryPath("percpuctl"), "--address", daemon_->address, "inc", name, "41"});
      ASSERT_TRUE(ran.ok() && ran->exit_code == 0) << ran.status() << (ran.ok() ? ran->err : "");
    }
    for (const char* const name : {"rows", "keys"}) {
      v1::OpenVariableRequest request;
      request.set_name(name);
      request.set_type(v1::VARIABLE_TYPE_COUNTER);
      request.set_size_bytes(8);
      request.set_create(true);
      v1::OpenVariableResponse response;
      const grpc::Status status = Call<v1::SessionService>(
          Local(), &v1::SessionService::Stub::OpenVariable, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      pointers_[name] = response.variable().pointer();
    }
  }
  [[nodiscard]] std::shared_ptr<grpc::Channel> Local() const {
    return grpc::CreateChannel(daemon_->address, grpc::InsecureChannelCredentials());
  }
  std::shared_ptr<grpc::Channel> Viewer() { return Channel(Client("DNS:scrape.example")); }

  template <typename Service, typename Method, typename Request, typename Response>
  static grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, Method method,
                           const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    const auto stub = Service::NewStub(channel);
    return (stub.get()->*method)(&context, request, response);
  }
  // Families of the series that there are; or what the refusal says.
  static std::vector<std::string> ReadSeries(const std::shared_ptr<grpc::Channel>& channel,
                                             const std::string& prefix,
                                             const std::string& name_space = "") {
    v1::ReadSeriesRequest request;
    request.set_namespace_(name_space);
    request.set_family_prefix(prefix);
    v1::ReadSeriesResponse response;
    const grpc::Status status =
        Call<v1::MetricsService>(channel, &Metrics::ReadSeries, request, &response);
    if (!status.ok()) return {status.error_message()};
    std::vector<std::string> out;
    for (const v1::Series& series : response.series()) {
      EXPECT_EQ(series.cells(0).count(), 41U);
      out.push_back(series.family());
    }
    return out;
  }
  static std::vector<std::string> ListFamilies(const std::shared_ptr<grpc::Channel>& channel) {
    v1::ListFamiliesResponse response;
    const grpc::Status status = Call<v1::MetricsService>(channel, &Metrics::ListFamilies,
                                                         v1::ListFamiliesRequest(), &response);
    if (!status.ok()) return {status.error_message()};
    std::vector<std::string> out;
    for (const v1::Family& family : response.families()) out.push_back(family.shape().name());
    return out;
  }
  static std::vector<std::string> ListVariables(const std::shared_ptr<grpc::Channel>& channel) {
    v1::ListVariablesRequest request;
    request.set_page_size(1);
    v1::ListVariablesResponse response;
    const grpc::Status status = Call<v1::IntrospectionService>(
        channel, &v1::IntrospectionService::Stub::ListVariables, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> out;
    for (const v1::Variable& variable : response.variables()) out.push_back(variable.name());
    out.push_back(response.next_page_token().empty() ? "last" : "more");
    return out;
  }
  grpc::Status Sum(const std::shared_ptr<grpc::Channel>& channel, const std::string& variable) {
    v1::SumRequest request;
    request.set_pointer(pointers_[variable]);
    v1::SumResponse response;
    return Call<v1::MemoryService>(channel, &Memory::Sum, request, &response);
  }
  grpc::Status Read(const std::shared_ptr<grpc::Channel>& channel, const std::string& variable) {
    v1::ReadRequest request;
    request.set_pointer(pointers_[variable]);
    request.set_length_bytes(8);
    v1::ReadResponse response;
    return Call<v1::MemoryService>(channel, &Memory::Read, request, &response);
  }

  std::map<std::string, std::uint64_t> pointers_;
};

TEST_F(TlsExportsTest, NothingLeavesUnlessARuleNamesIt) {
  Start(kAccess);
  Fill();
  const auto viewer = Viewer();
  EXPECT_THAT(ListFamilies(viewer), ElementsAre(StartsWith("export.families: ")));
  EXPECT_THAT(ReadSeries(viewer, "hits"), ElementsAre(HasSubstr("default/hits")));
  EXPECT_THAT(ListVariables(viewer), ElementsAre("last"));
  const grpc::Status refused = Sum(viewer, "rows");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), StartsWith("export.variables: "));
  // Not its name, which the caller may not know.
  EXPECT_THAT(refused.error_message(), Not(HasSubstr("rows")));
  // A reload is enough, and the connection stays.
  WriteText(dir_.path() + "/config", absl::StrCat(kAccess, kExport));
  const std::size_t from = log().size();
  daemon_->process.Kill(SIGHUP);
  ASSERT_TRUE(AwaitLog("reloaded: changed export.families, export.variables", from));
  EXPECT_THAT(ReadSeries(viewer, "hits"), ElementsAre("hits"));
}

TEST_F(TlsExportsTest, RulesSayWhatLeavesWhateverTheRole) {
  Start(absl::StrCat(kAccess, kExport));
  Fill();
  for (const auto& channel : {Viewer(), Channel(pki_.Issue(ca_, "ops1", {.names = ""}))}) {
    EXPECT_THAT(ListFamilies(channel), ElementsAre("hits"));
    EXPECT_THAT(ReadSeries(channel, ""), ElementsAre("hits"));
    EXPECT_THAT(ReadSeries(channel, "cash"), ElementsAre(HasSubstr("default/cash")));
    EXPECT_THAT(ReadSeries(channel, "", "shop"), ElementsAre(HasSubstr("shop/")));
    EXPECT_THAT(ListVariables(channel), ElementsAre("rows", "last"));
    EXPECT_TRUE(Sum(channel, "rows").ok());
    EXPECT_TRUE(Read(channel, "rows").ok());
    EXPECT_EQ(Sum(channel, "keys").error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Read(channel, "keys").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
  // Callers of this host read everything.
  for (const auto& channel :
       {Local(), grpc::CreateChannel(PlainPort(), grpc::InsecureChannelCredentials())}) {
    EXPECT_THAT(ListFamilies(channel), ElementsAre("hits", "cash"));
    EXPECT_THAT(ReadSeries(channel, "cash"), ElementsAre("cash"));
    EXPECT_THAT(ListVariables(channel), ElementsAre("keys", "more"));
    EXPECT_TRUE(Sum(channel, "keys").ok());
  }
}

// A client may count in what it may not read: what it has added to is not told either.
TEST_F(TlsExportsTest, WhatWasThereIsNotToldToWhoAddsToIt) {
  Start(absl::StrCat(R"(access { operators: "cn:ops*" clients: "dns:app.example" } )", kExport));
  Fill();
  const auto add = [this](const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
                          bool at_unit) {
    v1::AddRequest request;
    request.set_pointer(pointers_[name]);
    request.set_delta(0);
    if (at_unit) request.set_unit(1);
    v1::AddResponse response;
    const grpc::Status status = Call<v1::MemoryService>(channel, &Memory::Add, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.value();
  };
  for (const char* const name : {"rows", "keys"}) {
    for (std::uint32_t unit = 0; unit < 4; ++unit) {
      v1::AddRequest request;
      request.set_pointer(pointers_[name]);
      request.set_unit(unit);
      request.set_delta(7);
      v1::AddResponse response;
      ASSERT_TRUE(Call<v1::MemoryService>(Local(), &Memory::Add, request, &response).ok());
      EXPECT_EQ(response.value(), 7);
    }
  }
  for (const auto& channel :
       {Channel(Client("DNS:app.example")), Channel(pki_.Issue(ca_, "ops1", {.names = ""}))}) {
    for (const bool at_unit : {false, true}) {
      EXPECT_EQ(add(channel, "rows", at_unit), 7);
      EXPECT_EQ(add(channel, "keys", at_unit), 0);
    }
  }
  EXPECT_EQ(add(Local(), "keys", /*at_unit=*/true), 7);
}

// Everything that a viewer may look at, in one text.
TEST_F(TlsExportsTest, NamesThatNoEntryNamesAreNotTold) {
  Start(absl::StrCat(kAccess, kExport, R"(static_variables { name: "hidden" type: "counter" })"));
  Fill();
  const auto told = [this](const std::shared_ptr<grpc::Channel>& channel) {
    using Look = v1::IntrospectionService;
    std::string out;
    const auto add = [&](const grpc::Status& status, const auto& response) {
      EXPECT_TRUE(status.ok()) << status.error_message();
      out += response.ShortDebugString();
    };
    v1::ListChunksResponse chunks;
    add(Call<Look>(channel, &Look::Stub::ListChunks, v1::ListChunksRequest(), &chunks), chunks);
    for (const v1::Chunk& chunk : chunks.chunks()) {
      v1::ListAreasRequest request;
      request.set_chunk_id(chunk.chunk_id());
      v1::ListAreasResponse areas;
      add(Call<Look>(channel, &Look::Stub::ListAreas, request, &areas), areas);
    }
    for (const auto& [name, pointer] : pointers_) {
      v1::ResolveRequest request;
      request.set_pointer(pointer);
      v1::ResolveResponse found;
      add(Call<Look>(channel, &Look::Stub::Resolve, request, &found), found);
    }
    v1::ListVariablesResponse variables;
    add(Call<Look>(channel, &Look::Stub::ListVariables, v1::ListVariablesRequest(), &variables),
        variables);
    v1::ListStaticVariablesResponse statics;
    add(Call<Look>(channel, &Look::Stub::ListStaticVariables, v1::ListStaticVariablesRequest(),
                   &statics),
        statics);
    v1::ListWorkersResponse workers;
    add(Call<v1::MetricsService>(channel, &Metrics::ListWorkers, v1::ListWorkersRequest(),
                                 &workers),
        workers);
    return out;
  };
  const std::string here = told(Local());
  for (const char* const name : {"rows", "keys", "hidden"}) EXPECT_THAT(here, HasSubstr(name));
  const std::string far = told(Viewer());
  EXPECT_THAT(far, HasSubstr("rows"));
  for (const char* const name : {"keys", "hidden"}) EXPECT_THAT(far, Not(HasSubstr(name)));
}

// Rules that are taken back are taken back for streams too, and so are roles.
TEST_F(TlsExportsTest, AStreamEndsWithTheRuleThatAllowedIt) {
  const std::string others = R"(access { viewers: "dns:other.example" } )";
  for (const std::string& changed : {std::string(kAccess), absl::StrCat(others, kExport)}) {
    Start(absl::StrCat(kAccess, kExport));
    Fill();
    const auto stub = v1::MetricsService::NewStub(Viewer());
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    v1::WatchSeriesRequest request;
    request.set_namespace_("default");
    const auto stream = stub->WatchSeries(&context, request);
    v1::WatchSeriesResponse response;
    ASSERT_TRUE(stream->Read(&response));
    WriteText(dir_.path() + "/config", changed);
    daemon_->process.Kill(SIGHUP);
    while (stream->Read(&response)) {
    }
    const grpc::Status over = stream->Finish();
    EXPECT_EQ(over.error_code(), grpc::StatusCode::PERMISSION_DENIED) << over.error_message();
    TearDown();
    daemon_.reset();
  }
}

TEST_F(TlsExportsTest, AWatcherHearsOfNamespacesThatItMayReadAPartOf) {
  Start(absl::StrCat(kAccess, kExport));
  Fill();
  const auto stub = v1::MetricsService::NewStub(Viewer());
  const auto watch = [&](const std::string& name_space, grpc::ClientContext& context) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    v1::WatchSeriesRequest request;
    request.set_namespace_(name_space);
    return stub->WatchSeries(&context, request);
  };
  for (const char* const name_space : {"", "shop"}) {
    grpc::ClientContext context;
    v1::WatchSeriesResponse response;
    const auto refused = watch(name_space, context);
    EXPECT_FALSE(refused->Read(&response));
    EXPECT_THAT(refused->Finish().error_message(), StartsWith("export.families: "));
  }
  grpc::ClientContext context;
  v1::WatchSeriesResponse response;
  const auto stream = watch("default", context);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.resync());
  const auto made =
      RunToEnd({BinaryPath("percpuctl"), "--address", daemon_->address, "inc", "gold"});
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_NE(response.changes(0).namespace_id(), 0U);
  EXPECT_EQ(response.changes(0).family_id(), 0U);
  EXPECT_EQ(response.changes(0).series_id(), 0U);
  context.TryCancel();
}

}  // namespace
}  // namespace percpud::testing
