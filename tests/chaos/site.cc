// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/site.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/base/unique_fd.h"

namespace percpu::chaos {
namespace {

constexpr char kDiskSize[] = "size=96m";
constexpr char kTaskGroups[] = "/sys/fs/cgroup/pids";

bool MountAlone(const std::string& where) {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("percpud-chaos", where.c_str(), "tmpfs", 0, kDiskSize) == 0;
}

std::uint64_t CountIn(const std::string& directory) {
  std::error_code ignored;
  const std::filesystem::directory_iterator entries(directory, ignored);
  return static_cast<std::uint64_t>(std::distance(begin(entries), end(entries)));
}

void Limit(pid_t pid, __rlimit_resource of, rlim_t soft) {
  rlimit limit{};
  prlimit(pid, of, nullptr, &limit);
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  prlimit(pid, of, &limit, nullptr);
}

std::uint64_t AddressSpaceOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/statm"));
  std::uint64_t pages = 0;
  file >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

}  // namespace

Site::Site() {
  std::filesystem::create_directory(disk());
  has_own_disk_ = MountAlone(disk());
  for (const bool of_daemon : {false, true}) StepClock(of_daemon, 0);
  auto shadow = Shadow::Map(shadow_path());
  if (!shadow.ok()) {
    std::fprintf(stderr, "%s\n", shadow.status().ToString().c_str());
    std::exit(2);
  }
  shadow_ = *shadow;
}

void Site::FillDisk(std::uint64_t leave_bytes) {
  struct statvfs disk_state {};
  if (!has_own_disk_ || statvfs(disk().c_str(), &disk_state) != 0) return;
  const std::uint64_t free = disk_state.f_bavail * disk_state.f_frsize;
  const percpud::UniqueFd file(
      open((disk() + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (free <= leave_bytes) return;
  posix_fallocate(file.get(), 0, static_cast<off_t>(free - leave_bytes));
}

void Site::RelieveDisk() { std::filesystem::remove(disk() + "/filler"); }

std::string Site::HourPath(bool of_daemon) const {
  return dir_.path() + (of_daemon ? "/hour.daemon" : "/hour.clients");
}

void Site::StepClock(bool of_daemon, std::int64_t nanoseconds) {
  const percpud::UniqueFd file(
      open(HourPath(of_daemon).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  static_cast<void>(pwrite(file.get(), &nanoseconds, sizeof(nanoseconds), 0));
}

std::vector<std::string> Site::Environment(bool of_daemon) const {
  const std::filesystem::path here = std::filesystem::canonical("/proc/self/exe").parent_path();
  return {"STEPPED_CLOCK=" + HourPath(of_daemon),
          "LD_PRELOAD=" + (here / "libstepped_clock.so").string()};
}

bool TasksCanBeBounded() {
  return access((std::string(kTaskGroups) + "/cgroup.procs").c_str(), W_OK) == 0;
}

Starvation::Starvation(Site& site, pid_t pid, Shortage of, std::mt19937& random)
    : site_(site), pid_(pid), of_(of) {
  switch (of) {
    case Shortage::kDescriptors:
      Limit(pid, RLIMIT_NOFILE, CountIn(absl::StrCat("/proc/", pid, "/fd")) + random() % 4);
      break;
    case Shortage::kMemory:
      Limit(pid, RLIMIT_AS, AddressSpaceOf(pid) + (random() % 512) * 4096);
      break;
    case Shortage::kTasks:
      LimitTasks(random() % 2);
      break;
    case Shortage::kDisk:
      site.FillDisk((random() % 32) * 4096);
      break;
  }
}

void Starvation::LimitTasks(std::uint64_t more) {
  group_ = absl::StrCat(kTaskGroups, "/percpud-chaos-", pid_);
  std::error_code ignored;
  if (!std::filesystem::create_directory(group_, ignored)) return group_.clear();
  const std::uint64_t tasks = CountIn(absl::StrCat("/proc/", pid_, "/task"));
  Write(group_ + "/pids.max", absl::StrCat(tasks + more));
  Write(group_ + "/cgroup.procs", absl::StrCat(pid_));
}

Starvation::~Starvation() {
  switch (of_) {
    case Shortage::kDescriptors:
      Limit(pid_, RLIMIT_NOFILE, RLIM_INFINITY);
      break;
    case Shortage::kMemory:
      Limit(pid_, RLIMIT_AS, RLIM_INFINITY);
      break;
    case Shortage::kDisk:
      site_.RelieveDisk();
      break;
    case Shortage::kTasks:
      if (group_.empty()) return;
      // Whatever was begun by the process is where it is, or has ended.
      std::ifstream members(group_ + "/cgroup.procs");
      for (std::string member; members >> member;) {
        Write(std::string(kTaskGroups) + "/cgroup.procs", member);
      }
      std::error_code ignored;
      std::filesystem::remove(group_, ignored);
  }
}

}  // namespace percpu::chaos
