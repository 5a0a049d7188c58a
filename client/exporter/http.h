// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_HTTP_H_
#define PERCPUD_CLIENT_EXPORTER_HTTP_H_

#include "absl/status/statusor.h"
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

 private:
  explicit HttpServer(MHD_Daemon* daemon) : daemon_(daemon) {}

  MHD_Daemon* daemon_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_HTTP_H_
