// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// inc, get, set, and the commands that take a name where a pointer may stand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::Return;

// Variables with one copy each: 8 bytes, at multiples of 8.
class CounterTest : public ::testing::Test {
 protected:
  CounterTest() {
    ON_CALL(daemon_, OpenVariable).WillByDefault([this](const VariableSpec& spec) {
      return Open(spec);
    });
    ON_CALL(daemon_, Add)
        .WillByDefault([this](Pointer pointer, std::int64_t delta, auto /*unit*/, Width /*width*/) {
          values_[pointer] += static_cast<std::uint64_t>(delta);
          return AddResult();
        });
    ON_CALL(daemon_, Sum).WillByDefault([this](Pointer pointer, Width /*width*/) {
      return static_cast<std::int64_t>(values_[pointer]);
    });
    ON_CALL(daemon_, ListStaticVariables)
        .WillByDefault(Return(std::vector<StaticVariable>{{.name = "in_flight",
                                                           .type = VariableType::kGauge,
                                                           .pointer = Pointer{0x40},
                                                           .size_bytes = 8}}));
  }

  // A family of counters without labels, made when it is first opened.
  void ServeFamilies() {
    ON_CALL(metrics_, OpenSeries)
        .WillByDefault([this](auto name_space, const FamilyShape& shape, const auto& values) {
          const Pointer pointer = Pointer{0x8000} + 8 * families_.size();
          families_.try_emplace(shape.name,
                                FamilyInfo{.name_space = std::string(name_space), .shape = shape});
          cells_.try_emplace(shape.name, pointer);
          values_of_[shape.name] = values;
          return cells_.at(shape.name);
        });
    ON_CALL(metrics_, ListFamilies).WillByDefault([this](auto /*name_space*/) {
      std::vector<FamilyInfo> out;
      for (const auto& [name, family] : families_) out.push_back(family);
      return out;
    });
    ON_CALL(metrics_, ReadSeries).WillByDefault([this](auto /*name_space*/, auto prefix) {
      const std::string name(prefix);
      return std::vector<SeriesInfo>{{.family = name,
                                      .label_values = values_of_.at(name),
                                      .pointer = cells_.at(name),
                                      .cells = {{.count = values_[cells_.at(name)]}}}};
    });
  }

  absl::StatusOr<OpenedVariable> Open(const VariableSpec& spec) {
    const auto found = variables_.find(spec.name);
    if (found != variables_.end()) return OpenedVariable{.variable = found->second};
    if (!spec.create) return absl::NotFoundError("name: there is none");
    const Variable made{.name = spec.name,
                        .type = spec.type,
                        .pointer = Pointer{0x1000} + 8 * variables_.size(),
                        .size_bytes = spec.size_bytes,
                        .uid = {}};
    variables_[spec.name] = made;
    return OpenedVariable{.variable = made, .created = true};
  }

  void Make(const std::string& name, VariableType type) {
    ASSERT_TRUE(Open({.name = name, .type = type, .size_bytes = 8, .create = true}).ok());
  }

  std::map<std::string, Variable> variables_;
  std::map<Pointer, std::uint64_t> values_;
  std::map<std::string, FamilyInfo> families_;
  std::map<std::string, Pointer> cells_;
  std::map<std::string, std::vector<std::string>> values_of_;
  CliRunner cli_;
  mocks::MockMetricsConnection& metrics_ = *cli_.metrics;
  mocks::MockConnection& daemon_ = *cli_.connection;
};

TEST_F(CounterTest, AFamilyIsMadeByItsFirstIncrement) {
  ServeFamilies();
  EXPECT_EQ(cli_.Run({"inc", "hits"}).out, "1\n");
  EXPECT_EQ(cli_.Run({"inc", "hits", "41"}).out, "42\n");
  EXPECT_EQ(cli_.Run({"get", "hits"}).out, "42\n");
  EXPECT_EQ(families_.at("hits").name_space, "default");
  EXPECT_EQ(families_.at("hits").shape.type, FamilyType::kCounter);
  EXPECT_EQ(families_.at("hits").shape.cells, CellKind::kInteger);
  EXPECT_TRUE(variables_.empty());
  EXPECT_EQ(cli_.Run({"-o", "json", "get", "hits"}).out,
            "{\n  \"name\": \"hits\",\n  \"type\": \"counter\",\n  \"value\": 42\n}\n");
}

TEST_F(CounterTest, LabelsNameASeriesInTheFamilysOrder) {
  ServeFamilies();
  EXPECT_EQ(cli_.Run({"--namespace", "shop", "inc", "hits", "code=200", "method=", "2"}).out,
            "2\n");
  EXPECT_EQ(families_.at("hits").name_space, "shop");
  EXPECT_EQ(families_.at("hits").shape.label_names, (std::vector<std::string>{"code", "method"}));
  EXPECT_EQ(cli_.Run({"inc", "hits", "method=", "code=200"}).out, "3\n");
  EXPECT_EQ(values_of_.at("hits"), (std::vector<std::string>{"200", ""}));
  EXPECT_EQ(cli_.Run({"get", "hits", "code=200"}).out, "3\n");
}

TEST_F(CounterTest, LabelsThatAreNotTheFamilysAreRefused) {
  ServeFamilies();
  cli_.Run({"inc", "hits", "code=200"});
  EXPECT_CALL(metrics_, OpenSeries).Times(0);
  EXPECT_THAT(cli_.Run({"inc", "hits"}).err, HasSubstr("needs code=VALUE"));
  EXPECT_THAT(cli_.Run({"inc", "hits", "kode=1"}).err, HasSubstr("has the labels code"));
  EXPECT_THAT(cli_.Run({"inc", "hits", "code=1", "code=2"}).err, HasSubstr("given twice"));
  EXPECT_THAT(cli_.Run({"get", "hits", "code=404"}).err, HasSubstr("no series"));
  EXPECT_THAT(cli_.Run({"inc", "hits", "code=200", "-1"}).err, HasSubstr("only rises"));
  EXPECT_EQ(cli_.Run({"inc", "hits", "1", "code=200"}).exit_code, 2);
  EXPECT_EQ(cli_.Run({"inc", "hits", "=200"}).exit_code, 2);
  EXPECT_EQ(cli_.Run({"observe", "hits"}).exit_code, 2);
  EXPECT_THAT(cli_.Run({"observe", "hits", "code=200", "1"}).err, HasSubstr("is a counter"));
}

TEST_F(CounterTest, AVariableComesBeforeAFamily) {
  ServeFamilies();
  cli_.Run({"inc", "hits", "7"});
  Make("hits", VariableType::kCounter);
  EXPECT_EQ(cli_.Run({"get", "hits"}).out, "0\n");
  EXPECT_EQ(cli_.Run({"inc", "hits"}).out, "1\n");
}

TEST_F(CounterTest, ANameThatNoFamilyMayHaveIsAVariables) {
  EXPECT_CALL(metrics_, OpenSeries).Times(0);
  EXPECT_EQ(cli_.Run({"inc", "http/hits", "3"}).out, "3\n");
  EXPECT_EQ(variables_.at("http/hits").type, VariableType::kCounter);
}

TEST_F(CounterTest, GetMakesNothing) {
  const CliRunner::Result result = cli_.Run({"get", "typo"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no variable called \"typo\""));
  EXPECT_TRUE(variables_.empty());
}

TEST_F(CounterTest, SetReachesEveryValueOfItsType) {
  Make("hits", VariableType::kCounter);
  for (const char* value : {"18446744073709551615", "7", "0"}) {
    EXPECT_EQ(cli_.Run({"set", "hits", value}).out, absl::StrCat(value, "\n"));
  }
  Make("load", VariableType::kGauge);
  for (const char* value : {"-9223372036854775808", "9223372036854775807", "-1"}) {
    EXPECT_EQ(cli_.Run({"set", "load", value}).out, absl::StrCat(value, "\n"));
  }
}

TEST_F(CounterTest, WhatTheTypeCannotHoldIsRefusedAndChangesNothing) {
  Make("hits", VariableType::kCounter);
  cli_.Run({"set", "hits", "5"});
  Make("load", VariableType::kGauge);
  Make("blob", VariableType::kBytes);
  EXPECT_EQ(cli_.Run({"set", "hits", "-1"}).exit_code, 1);
  EXPECT_EQ(cli_.Run({"inc", "hits", "-1"}).exit_code, 1);
  EXPECT_EQ(cli_.Run({"set", "load", "9223372036854775808"}).exit_code, 1);
  EXPECT_EQ(cli_.Run({"inc", "blob"}).exit_code, 1);
  EXPECT_THAT(cli_.Run({"get", "blob"}).err, HasSubstr("is of type bytes"));
  EXPECT_EQ(cli_.Run({"get", "hits"}).out, "5\n");
  EXPECT_EQ(cli_.Run({"inc", "load", "-3"}).out, "-3\n");
}

TEST_F(CounterTest, AVariableOfTheConfigurationHasANameToo) {
  EXPECT_EQ(cli_.Run({"inc", "in_flight"}).out, "1\n");
  EXPECT_TRUE(variables_.empty());
}

TEST_F(CounterTest, AViewerFindsANameInTheList) {
  EXPECT_CALL(daemon_, OpenVariable).WillOnce(Return(absl::PermissionDeniedError("role: viewer")));
  const Variable hits{.name = "hits",
                      .type = VariableType::kCounter,
                      .pointer = Pointer{0x2000},
                      .size_bytes = 8,
                      .uid = {}};
  EXPECT_CALL(daemon_, ListVariables).WillOnce(Return(std::vector{hits}));
  values_[hits.pointer] = 9;
  EXPECT_EQ(cli_.Run({"get", "hits"}).out, "9\n");
}

TEST_F(CounterTest, ANameStandsWhereAPointerMay) {
  Make("hits", VariableType::kCounter);
  const Pointer at = variables_.at("hits").pointer;
  EXPECT_CALL(daemon_, Add(at, 1, _, Width::k64));
  EXPECT_CALL(daemon_, Sum(at, Width::k64));
  EXPECT_CALL(daemon_, Read(at, Unit{0}, 8)).WillOnce(Return(std::string(8, '\0')));
  EXPECT_CALL(daemon_, Write(at, Unit{0}, std::string_view("\0", 1)))
      .WillOnce(Return(absl::OkStatus()));
  EXPECT_CALL(daemon_, Resolve(at)).WillOnce(Return(Owner()));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"add", "hits", "1"},
                                             {"sum", "hits"},
                                             {"read", "hits"},
                                             {"write", "hits", "00"},
                                             {"resolve", "hits"}}) {
    EXPECT_EQ(cli_.Run(arguments).exit_code, 0) << arguments.front();
  }
  EXPECT_EQ(cli_.Run({"sum", "0xhits"}).exit_code, 2);
  EXPECT_EQ(cli_.Run({"sum", "a b"}).exit_code, 2);
}

}  // namespace
}  // namespace percpu::cli
