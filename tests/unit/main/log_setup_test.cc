// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/log_setup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

std::string NameOf(int fd) {
  struct stat file {};
  EXPECT_EQ(fstat(fd, &file), 0);
  return absl::StrCat(file.st_dev, ":", file.st_ino);
}

TEST(LogSetupTest, TheJournalIsToldByItsFile) {
  const testing::TempDir dir;
  const int fd = open((dir.path() + "/log").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_TRUE(IsJournal(NameOf(fd), fd));
  EXPECT_FALSE(IsJournal("", fd));
  EXPECT_FALSE(IsJournal(NameOf(STDIN_FILENO), fd));
  close(fd);
  EXPECT_FALSE(IsJournal("1:2", fd)) << "not open any more";
}

TEST(LogSetupTest, MissingStandardDescriptorsAreOpenedInTheirPlaces) {
  const pid_t child = fork();
  if (child == 0) {
    close(STDIN_FILENO);
    close(STDERR_FILENO);
    OpenStandardDescriptors();
    struct stat null {};
    stat("/dev/null", &null);
    for (const int fd : {STDIN_FILENO, STDERR_FILENO}) {
      struct stat file {};
      if (fstat(fd, &file) != 0 || file.st_rdev != null.st_rdev) _exit(1);
    }
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace percpud
