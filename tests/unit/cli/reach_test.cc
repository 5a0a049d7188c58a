// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/reach.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace percpu::cli {
namespace {

using ::testing::HasSubstr;

class ReachTest : public ::testing::Test {
 protected:
  // Binds a socket and leaves it there, listening or not.
  int Bind(bool listening) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path_.data(), path_.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    if (listening) {
      EXPECT_EQ(listen(fd, 1), 0);
    }
    return fd;
  }

  // Asks as a user that owns nothing and is in no group.
  std::string AskAsNobody() {
    std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    EXPECT_GE(count, 0);
    EXPECT_EQ(setgroups(0, nullptr), 0);
    EXPECT_EQ(setegid(65534), 0);
    EXPECT_EQ(seteuid(65534), 0);
    std::string why = WhyUnreachable("unix:" + path_);
    EXPECT_EQ(seteuid(0), 0);
    EXPECT_EQ(setegid(0), 0);
    EXPECT_EQ(setgroups(groups.size(), groups.data()), 0);
    return why;
  }

  const percpud::testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/s";
};

TEST_F(ReachTest, NoSocketAndNobodyBehindItAreToldApart) {
  EXPECT_THAT(WhyUnreachable("unix:" + path_), HasSubstr("there is no such socket"));
  close(Bind(false));
  EXPECT_THAT(WhyUnreachable("unix:" + path_), HasSubstr("nobody serves that socket"));
}

TEST_F(ReachTest, WhoMayNotConnectIsToldWhoMay) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  const int fd = Bind(true);
  ASSERT_EQ(chmod(path_.c_str(), 0660), 0);
  EXPECT_THAT(AskAsNobody(), HasSubstr("permission denied: " + path_ +
                                       ": the members of group root may connect (mode 0660): "
                                       "`adduser "));
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_THAT(AskAsNobody(), HasSubstr("only its owner, root, may connect (mode 0600)"));
  ASSERT_EQ(chmod(dir_.path().c_str(), 0700), 0);
  EXPECT_THAT(AskAsNobody(), HasSubstr("a folder on the way to it is closed to you"));
  close(fd);
}

TEST(CheckAddressTest, APathHasTheLengthOfASocketsAtMost) {
  EXPECT_TRUE(CheckAddress("unix:/" + std::string(106, 'x')).ok());
  EXPECT_FALSE(CheckAddress("unix:/" + std::string(107, 'x')).ok());
  EXPECT_TRUE(CheckAddress("host.example:" + std::string(200, '1')).ok());
}

}  // namespace
}  // namespace percpu::cli
