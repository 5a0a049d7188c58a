// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "client/exporter/http.h"
#include "client/exporter/listen.h"
#include "client/exporter/scrape.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpud::exporter {
namespace {

constexpr char kDefaultListen[] = "127.0.0.1:9437";

struct Options {
  ScrapeOptions scrape;
  std::vector<std::string> listen;
};

// Where to listen: at what systemd has opened, or else where the options say.
absl::StatusOr<std::vector<int>> Sockets(const Options& options) {
  std::vector<int> out;
  const int handed = sd_listen_fds(1);
  for (int i = 0; i < handed; ++i) out.push_back(SD_LISTEN_FDS_START + i);
  if (!out.empty()) return out;
  for (const std::string& address : options.listen) {
    absl::StatusOr<int> socket = Listen(address);
    if (!socket.ok()) return socket.status();
    out.push_back(*socket);
  }
  return out;
}

int Run(const Options& options) {
  // Before there are threads: they inherit it.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  const absl::StatusOr<std::vector<int>> sockets = Sockets(options);
  if (!sockets.ok()) {
    std::cerr << "percpud-exporter: " << sockets.status().message() << '\n';
    return EXIT_FAILURE;
  }
  Scrape scrape(options.scrape);
  scrape.Start();
  std::vector<HttpServer> servers;
  for (const int socket : *sockets) {
    const std::string address = AddressOf(socket);
    absl::StatusOr<HttpServer> server = HttpServer::Start(socket, scrape);
    if (!server.ok()) {
      std::cerr << "percpud-exporter: " << address << ": " << server.status().message() << '\n';
      return EXIT_FAILURE;
    }
    servers.push_back(*std::move(server));
    std::cout << "percpud-exporter: serving at " << address << std::endl;
  }
  sd_notify(0, "READY=1");
  constexpr timespec kRound{.tv_sec = 1, .tv_nsec = 0};
  while (sigtimedwait(&ends, nullptr, &kRound) < 0) {
    for (HttpServer& server : servers) server.HangUpSlow();
  }
  sd_notify(0, "STOPPING=1");
  return EXIT_SUCCESS;
}

int Main(int argc, char** argv) {
  Options options;
  options.scrape.address = abi::v1::kDefaultAddress;
  options.listen = {kDefaultListen};
  CLI::App app("Shows the metrics of percpud's applications to Prometheus, at /metrics.");
  app.set_version_flag("--version", std::string("percpud-exporter ") + PERCPUD_VERSION);
  app.add_option("--address", options.scrape.address, "The daemon's address, unix:PATH")
      ->envname("PERCPUD_ADDRESS")
      ->capture_default_str();
  app.add_option("--listen", options.listen,
                 "HOST:PORT or unix:PATH to serve at; may be given several times. Sockets of "
                 "systemd come before it")
      ->capture_default_str();
  app.add_option("--namespace-label", options.scrape.namespace_label,
                 "The label of /metrics that says whose a series is; empty for none, if there "
                 "is one application only")
      ->capture_default_str();
  app.add_flag("--created", options.scrape.with_created,
               "Say since when each series counts (_created, in OpenMetrics only)");
  CLI11_PARSE(app, argc, argv);
  return Run(options);
}

}  // namespace
}  // namespace percpud::exporter

int main(int argc, char** argv) {
  try {
    return percpud::exporter::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "percpud-exporter: " << error.what() << "\n";
    return 1;
  }
}
