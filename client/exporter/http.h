// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_HTTP_H_
#define PERCPUD_CLIENT_EXPORTER_HTTP_H_

#include <memory>

#include "absl/status/statusor.h"
#include "client/exporter/connections.h"
#include "client/exporter/scrape.h"

struct MHD_Daemon;

namespace percpud::exporter {

// Serves a scrape's pages over HTTP at one socket, on a thread of its own (libmicrohttpd).
// Connections are few, short and small: a peer that is slow or says much is hung up on.
class HttpServer {
 public:
  // Takes the listening socket over. `scrape` outlives the server.
  static absl::StatusOr<HttpServer> Start(int socket, Scrape& scrape);
  // Closes the socket, and returns once nobody is served any more.
  ~HttpServer();
  HttpServer(HttpServer&& other) noexcept;
  HttpServer& operator=(HttpServer&&) = delete;

  // Hangs up on peers that take too long; to be called every second or so.
  void HangUpSlow();

  // What the server's thread works with.
  struct Desk {
    explicit Desk(Scrape& pages) : scrape(pages) {}

    Scrape& scrape;
    Connections connections;
  };

 private:
  HttpServer(std::unique_ptr<Desk> desk, MHD_Daemon* daemon);

  std::unique_ptr<Desk> desk_;
  MHD_Daemon* daemon_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_HTTP_H_
