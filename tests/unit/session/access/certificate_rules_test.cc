// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/certificate_rules.h"

#include <gtest/gtest.h>

namespace percpud {
namespace {

TEST(CertificateRulesTest, TheHighestThatNamesItCounts) {
  const CertificateRules rules{.operators = {"spiffe:spiffe://td/ops/*", "dns:ops.example"},
                               .clients = {"spiffe:spiffe://td/*"},
                               .viewers = {"cn:*"}};
  EXPECT_EQ(rules.RoleOf("spiffe:spiffe://td/ops/ann"), Role::kOperator);
  EXPECT_EQ(rules.RoleOf("spiffe:spiffe://td/ops/"), Role::kOperator);
  EXPECT_EQ(rules.RoleOf("spiffe:spiffe://td/ops"), Role::kClient);
  EXPECT_EQ(rules.RoleOf("spiffe:spiffe://td2/ops/ann"), Role::kAnonymous);
  EXPECT_EQ(rules.RoleOf("dns:ops.example"), Role::kOperator);
  EXPECT_EQ(rules.RoleOf("dns:ops.example.org"), Role::kAnonymous);
  // A name of one kind is no name of another.
  EXPECT_EQ(rules.RoleOf("cn:ops.example"), Role::kViewer);
  EXPECT_EQ(rules.RoleOf(""), Role::kAnonymous);
  EXPECT_EQ(CertificateRules().RoleOf("cn:ann"), Role::kAnonymous);
}

TEST(CertificateRulesTest, EntriesAreTold) {
  for (const char* const entry : {"spiffe:spiffe://td/app", "dns:db7.example", "cn:ann*"}) {
    EXPECT_TRUE(CertificateRules::Speaks(entry)) << entry;
    EXPECT_EQ(CertificateRules::ObjectionTo(entry), "") << entry;
  }
  for (const char* const entry : {"*", "user:0", "group:adm", "spiffe", ""}) {
    EXPECT_FALSE(CertificateRules::Speaks(entry)) << entry;
  }
  for (const char* const entry : {"cn:", "spiffe:td/app", "dns:*.example", "cn:a*b*"}) {
    EXPECT_NE(CertificateRules::ObjectionTo(entry), "") << entry;
  }
}

}  // namespace
}  // namespace percpud
