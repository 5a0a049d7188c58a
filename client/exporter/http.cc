// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/http.h"

#include <microhttpd.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace percpud::exporter {
namespace {

constexpr unsigned kMostConnections = 64;
constexpr unsigned kIdleSeconds = 15;
// A connection holds its request's headers.
constexpr std::size_t kConnectionBytes = 32 << 10;

using Response = std::unique_ptr<MHD_Response, decltype(&MHD_destroy_response)>;

std::string_view Header(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

MHD_Result Send(MHD_Connection* connection, Page page) {
  const std::size_t size = page.body.size();
  char* const bytes = page.body.Release();
  const Response response(bytes == nullptr
                              ? MHD_create_response_from_buffer(0, nullptr, MHD_RESPMEM_PERSISTENT)
                              : MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE),
                          &MHD_destroy_response);
  if (response == nullptr) {
    std::free(bytes);
    return MHD_NO;
  }
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, page.content_type);
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
  if (page.is_gzip) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
  }
  if (page.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  return MHD_queue_response(connection, static_cast<unsigned>(page.status), response.get());
}

// libmicrohttpd calls it when the headers are there, and again for what follows them.
MHD_Result Serve(void* scrape, MHD_Connection* connection, const char* url, const char* method,
                 const char* /*version*/, const char* /*upload*/, std::size_t* upload_bytes,
                 void** state) {
  static char has_headers;
  if (*state == nullptr) {
    *state = &has_headers;
    return MHD_YES;
  }
  // Nobody wants a body; it is read so that the answer can be.
  if (*upload_bytes != 0) {
    *upload_bytes = 0;
    return MHD_YES;
  }
  const std::string_view verb = method;
  if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
    Page page;
    page.status = MHD_HTTP_METHOD_NOT_ALLOWED;
    page.body.Append("only GET and HEAD\n");
    return Send(connection, std::move(page));
  }
  return Send(connection,
              static_cast<Scrape*>(scrape)->Answer(
                  {.path = url,
                   .accept = Header(connection, MHD_HTTP_HEADER_ACCEPT),
                   .accept_encoding = Header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)}));
}

}  // namespace

absl::StatusOr<HttpServer> HttpServer::Start(int socket, Scrape& scrape) {
  MHD_Daemon* const daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, nullptr, nullptr, &Serve, &scrape,
      MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT, kMostConnections,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kConnectionBytes, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (daemon == nullptr) {
    close(socket);
    return absl::ResourceExhaustedError("no HTTP server can be started");
  }
  return HttpServer(daemon);
}

HttpServer::~HttpServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

HttpServer::HttpServer(HttpServer&& other) noexcept
    : daemon_(std::exchange(other.daemon_, nullptr)) {}

}  // namespace percpud::exporter
