// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/process_metrics.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/exposition/labels.h"
#include "client/exposition/text.h"

namespace percpud::exporter {
namespace {

using exposition::FamilyType;

// One process. What is not shown is absent.
struct Process {
  std::string labels;
  std::optional<double> cpu_seconds;
  std::optional<double> start_seconds;
  std::optional<double> virtual_bytes;
  std::optional<double> resident_bytes;
  std::optional<double> open_fds;
  std::optional<double> max_fds;
};

struct Metric {
  std::string_view name;
  std::string_view help;
  std::string_view unit;
  FamilyType type;
  std::optional<double> Process::*value;
};

constexpr std::array kMetrics = {
    Metric{"process_cpu_seconds_total", "User and system CPU time spent, in seconds.", "seconds",
           FamilyType::kCounter, &Process::cpu_seconds},
    Metric{"process_start_time_seconds", "When the process started, in seconds since 1970.",
           "seconds", FamilyType::kGauge, &Process::start_seconds},
    Metric{"process_virtual_memory_bytes", "The size of virtual memory.", "bytes",
           FamilyType::kGauge, &Process::virtual_bytes},
    Metric{"process_resident_memory_bytes", "The size of resident memory.", "bytes",
           FamilyType::kGauge, &Process::resident_bytes},
    Metric{"process_open_fds", "Open file descriptors.", "", FamilyType::kGauge,
           &Process::open_fds},
    Metric{"process_max_fds", "The most file descriptors that may be open.", "", FamilyType::kGauge,
           &Process::max_fds},
};

// Empty if it cannot be read.
std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The second when the host was booted.
double BootSeconds(const std::string& proc) {
  const std::string stat = ReadFile(absl::StrCat(proc, "/stat"));
  for (const absl::string_view line : absl::StrSplit(stat, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    double out = 0;
    if (words.size() == 2 && words[0] == "btime" && absl::SimpleAtod(words[1], &out)) return out;
  }
  // A service may be shown processes alone.
  timespec now{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return static_cast<double>(now.tv_sec - since_boot.tv_sec);
}

// The numbers of a stat file behind the process's name, which may be anything. proc(5) counts
// from 1, and the name is 2.
class StatFields {
 public:
  explicit StatFields(std::string_view stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return;
    fields_ = absl::StrSplit(std::string(stat.substr(name_end + 1)), ' ', absl::SkipWhitespace());
  }
  [[nodiscard]] std::optional<double> Field(std::size_t number) const {
    constexpr std::size_t kFirst = 3;
    double out = 0;
    if (number - kFirst >= fields_.size()) return std::nullopt;
    if (!absl::SimpleAtod(fields_[number - kFirst], &out)) return std::nullopt;
    return out;
  }

 private:
  std::vector<std::string> fields_;
};

void TakeStat(const std::string& directory, double boot, Process& out) {
  constexpr std::size_t kUserTime = 14;
  constexpr std::size_t kSystemTime = 15;
  constexpr std::size_t kStartTime = 22;
  constexpr std::size_t kVirtualSize = 23;
  constexpr std::size_t kResidentPages = 24;
  const StatFields stat(ReadFile(absl::StrCat(directory, "/stat")));
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const std::optional<double> user = stat.Field(kUserTime);
  const std::optional<double> system = stat.Field(kSystemTime);
  if (user && system) out.cpu_seconds = (*user + *system) / ticks;
  const std::optional<double> start = stat.Field(kStartTime);
  if (start) out.start_seconds = boot + *start / ticks;
  out.virtual_bytes = stat.Field(kVirtualSize);
  const std::optional<double> pages = stat.Field(kResidentPages);
  if (pages) out.resident_bytes = *pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Both belong to the process's user, and are shown to that one alone.
void TakeDescriptors(const std::string& directory, Process& out) {
  std::error_code failed;
  std::size_t open = 0;
  std::filesystem::directory_iterator entry(absl::StrCat(directory, "/fd"), failed);
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) ++open;
  if (!failed) out.open_fds = static_cast<double>(open);
  const std::string limits = ReadFile(absl::StrCat(directory, "/limits"));
  for (const absl::string_view line : absl::StrSplit(limits, '\n')) {
    constexpr absl::string_view kOpenFiles = "Max open files";
    if (!absl::StartsWith(line, kOpenFiles)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line.substr(kOpenFiles.size()), ' ', absl::SkipWhitespace());
    double most = 0;
    if (!words.empty() && absl::SimpleAtod(words[0], &most)) out.max_fds = most;
  }
}

std::vector<Process> LookAt(const Workers& workers, std::string_view namespace_label,
                            const std::string& proc) {
  const double boot = BootSeconds(proc);
  std::vector<Process> out;
  for (const auto& [name_space, pids] : workers) {
    for (const std::uint32_t pid : pids) {
      if (out.size() == kMostProcesses) return out;
      exposition::Text labels;
      if (!namespace_label.empty()) {
        exposition::AppendLabel(labels, 0, namespace_label, name_space);
      }
      exposition::AppendLabel(labels, 0, "pid", absl::StrCat(pid));
      Process& process = out.emplace_back();
      process.labels = labels.view();
      const std::string directory = absl::StrCat(proc, "/", pid);
      TakeStat(directory, boot, process);
      TakeDescriptors(directory, process);
    }
  }
  return out;
}

}  // namespace

void WriteProcesses(const Workers& workers, std::string_view namespace_label,
                    exposition::Writer& writer, const std::string& proc) {
  const std::vector<Process> processes = LookAt(workers, namespace_label, proc);
  for (const Metric& metric : kMetrics) {
    bool has_head = false;
    for (const Process& process : processes) {
      const std::optional<double>& value = process.*metric.value;
      if (!value) continue;
      if (!has_head) {
        writer.Family(
            {.name = metric.name, .help = metric.help, .unit = metric.unit, .type = metric.type});
        has_head = true;
      }
      if (metric.type == FamilyType::kCounter) {
        writer.Counter(process.labels, *value);
      } else {
        writer.Gauge(process.labels, *value);
      }
    }
  }
}

}  // namespace percpud::exporter
