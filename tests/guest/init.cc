// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The first program of a guest: runs every test there is under /tests, once as
// it is and once with glibc told not to register for restartable sequences, says
// how each ended, and turns the machine off. The kernel makes of its command
// line's NAME=VALUE this program's environment, and so the tests'.
//
//     guest: registered
//     guest: tests/gcc/this_cpu_test: exit 0
//     guest: unregistered
//     guest: tests/gcc/this_cpu_test: exit 0
//     guest: done

#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

namespace {

// The exit status as a shell tells it.
int Run(const std::string& program) {
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    execl(program.c_str(), program.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) != child) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void RunAll(const std::set<std::string>& programs) {
  for (const std::string& program : programs) {
    std::fflush(stdout);
    const int status = Run(program);
    std::printf("guest: %s: exit %d\n", program.c_str() + 1, status);
  }
}

void Mount(const char* type, const char* where) {
  mkdir(where, 0755);
  if (mount(type, where, type, 0, nullptr) != 0) std::perror(where);
}

std::set<std::string> Programs() {
  std::set<std::string> programs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/tests")) {
    if (entry.is_regular_file()) programs.insert(entry.path());
  }
  return programs;
}

}  // namespace

int main() {
  Mount("proc", "/proc");
  Mount("tmpfs", "/tmp");
  utsname system{};
  uname(&system);
  std::printf("guest: %s %s, %ld CPUs\n", system.machine, system.release,
              sysconf(_SC_NPROCESSORS_ONLN));
  std::set<std::string> programs = Programs();
  setenv("GTEST_COLOR", "no", 1);
  std::puts("guest: registered");
  RunAll(programs);
  std::puts("guest: unregistered");
  setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
  // Locked operations have been tortured, and getcpu may be a system call now.
  setenv("GTEST_FILTER", "-*.ThreadsLoseNothing", 1);
  std::erase_if(programs, [](const std::string& each) { return each.ends_with("torture_test"); });
  RunAll(programs);
  std::puts("guest: done");
  std::fflush(stdout);
  reboot(RB_POWER_OFF);
}
