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

// A page that is being sent.
struct Sent {
  Connections& connections;
  char* bytes;
  std::size_t size;
};

void FreeSent(void* sent) {
  const std::unique_ptr<Sent> done(static_cast<Sent*>(sent));
  done->connections.Release(done->size);
  std::free(done->bytes);
}

// Takes the page's body over. Null if memory is short, or too much of it waits to be read.
Response MakeResponse(Connections& connections, Page& page) {
  const std::size_t size = page.body.size();
  char* const bytes = page.body.Release();
  if (!connections.Hold(size)) {
    std::free(bytes);
    return {nullptr, &MHD_destroy_response};
  }
  auto sent = std::make_unique<Sent>(Sent{connections, bytes, size});
  static char nothing[1] = {};
  Response out(MHD_create_response_from_buffer_with_free_callback_cls(
                   size, bytes == nullptr ? nothing : bytes, &FreeSent, sent.get()),
               &MHD_destroy_response);
  if (out == nullptr) {
    FreeSent(sent.release());
    return out;
  }
  static_cast<void>(sent.release());
  return out;
}

MHD_Result Send(Connections& connections, MHD_Connection* connection, Page page) {
  Response response = MakeResponse(connections, page);
  if (response == nullptr) {
    static char words[] = "too much of other pages waits to be read\n";
    page.status = MHD_HTTP_SERVICE_UNAVAILABLE;
    page.content_type = Page().content_type;
    page.is_gzip = false;
    response.reset(
        MHD_create_response_from_buffer(sizeof(words) - 1, words, MHD_RESPMEM_PERSISTENT));
  }
  if (response == nullptr) return MHD_NO;
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
MHD_Result Serve(void* desk_of_server, MHD_Connection* connection, const char* url,
                 const char* method, const char* /*version*/, const char* /*upload*/,
                 std::size_t* upload_bytes, void** state) {
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
  auto& desk = *static_cast<HttpServer::Desk*>(desk_of_server);
  const std::string_view verb = method;
  if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
    Page page;
    page.status = MHD_HTTP_METHOD_NOT_ALLOWED;
    page.body.Append("only GET and HEAD\n");
    return Send(desk.connections, connection, std::move(page));
  }
  return Send(
      desk.connections, connection,
      desk.scrape.Answer({.path = url,
                          .accept = Header(connection, MHD_HTTP_HEADER_ACCEPT),
                          .accept_encoding = Header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)}));
}

int SocketOf(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

void OnConnection(void* desk, MHD_Connection* connection, void** /*context*/,
                  MHD_ConnectionNotificationCode code) {
  Connections& connections = static_cast<HttpServer::Desk*>(desk)->connections;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    connections.Begin(SocketOf(connection), Connections::Clock::now());
  } else {
    connections.End(SocketOf(connection));
  }
}

void OnCompleted(void* desk, MHD_Connection* connection, void** /*state*/,
                 MHD_RequestTerminationCode code) {
  if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK) return;
  static_cast<HttpServer::Desk*>(desk)->connections.Begin(SocketOf(connection),
                                                          Connections::Clock::now());
}

}  // namespace

absl::StatusOr<HttpServer> HttpServer::Start(int socket, Scrape& scrape) {
  auto desk = std::make_unique<Desk>(scrape);
  MHD_Daemon* const daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, nullptr, nullptr, &Serve, desk.get(),
      MHD_OPTION_NOTIFY_CONNECTION, &OnConnection, desk.get(), MHD_OPTION_NOTIFY_COMPLETED,
      &OnCompleted, desk.get(), MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT,
      kMostConnections, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes, MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_END);
  if (daemon == nullptr) {
    close(socket);
    return absl::ResourceExhaustedError("no HTTP server can be started");
  }
  return HttpServer(std::move(desk), daemon);
}

HttpServer::HttpServer(std::unique_ptr<Desk> desk, MHD_Daemon* daemon)
    : desk_(std::move(desk)), daemon_(daemon) {}

HttpServer::~HttpServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

HttpServer::HttpServer(HttpServer&& other) noexcept
    : desk_(std::move(other.desk_)), daemon_(std::exchange(other.daemon_, nullptr)) {}

void HttpServer::HangUpSlow() { desk_->connections.HangUpSlow(Connections::Clock::now()); }

}  // namespace percpud::exporter
