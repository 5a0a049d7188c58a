// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/channelz_service.h"

#include <google/protobuf/util/json_util.h>
#include <grpc/grpc.h>
#include <grpc/support/alloc.h>

#include <memory>

#include "server/base/errors.h"

namespace percpud {
namespace {

namespace channelz = grpc::channelz::v1;
using Context = ChannelzService::Context;

// Takes over what gRPC answered, in JSON; null if there is no such thing.
absl::Status Convert(char* json, google::protobuf::Message& response) {
  const std::unique_ptr<char, decltype(&gpr_free)> owned(json, &gpr_free);
  if (json == nullptr) return errors::ChannelzNotFound();
  // gRPC may know more than this version of the protocol.
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &response, options);
  return parsed.ok() ? absl::OkStatus() : absl::InternalError("channelz: gRPC's answer");
}

absl::Status GetTopChannels(Context& /*context*/, const Caller& /*caller*/,
                            const channelz::GetTopChannelsRequest& request,
                            channelz::GetTopChannelsResponse& response) {
  return Convert(grpc_channelz_get_top_channels(request.start_channel_id()), response);
}

absl::Status GetServers(Context& /*context*/, const Caller& /*caller*/,
                        const channelz::GetServersRequest& request,
                        channelz::GetServersResponse& response) {
  return Convert(grpc_channelz_get_servers(request.start_server_id()), response);
}

absl::Status GetServer(Context& /*context*/, const Caller& /*caller*/,
                       const channelz::GetServerRequest& request,
                       channelz::GetServerResponse& response) {
  return Convert(grpc_channelz_get_server(request.server_id()), response);
}

absl::Status GetServerSockets(Context& /*context*/, const Caller& /*caller*/,
                              const channelz::GetServerSocketsRequest& request,
                              channelz::GetServerSocketsResponse& response) {
  return Convert(grpc_channelz_get_server_sockets(request.server_id(), request.start_socket_id(),
                                                  request.max_results()),
                 response);
}

absl::Status GetChannel(Context& /*context*/, const Caller& /*caller*/,
                        const channelz::GetChannelRequest& request,
                        channelz::GetChannelResponse& response) {
  return Convert(grpc_channelz_get_channel(request.channel_id()), response);
}

absl::Status GetSubchannel(Context& /*context*/, const Caller& /*caller*/,
                           const channelz::GetSubchannelRequest& request,
                           channelz::GetSubchannelResponse& response) {
  return Convert(grpc_channelz_get_subchannel(request.subchannel_id()), response);
}

absl::Status GetSocket(Context& /*context*/, const Caller& /*caller*/,
                       const channelz::GetSocketRequest& request,
                       channelz::GetSocketResponse& response) {
  return Convert(grpc_channelz_get_socket(request.socket_id()), response);
}

}  // namespace

ChannelzService::ChannelzService(const Callers& callers, HotLane& lane,
                                 grpc::ServerBuilder& builder)
    : methods_(lane, callers, context_) {
  using Service = channelz::Channelz::AsyncService;
  builder.RegisterService(&service_);
  const auto look = [this](auto receive, auto handler) {
    methods_.Add(service_, Rpc::kChannelz, receive, handler);
  };
  look(&Service::RequestGetTopChannels, GetTopChannels);
  look(&Service::RequestGetServers, GetServers);
  look(&Service::RequestGetServer, GetServer);
  look(&Service::RequestGetServerSockets, GetServerSockets);
  look(&Service::RequestGetChannel, GetChannel);
  look(&Service::RequestGetSubchannel, GetSubchannel);
  look(&Service::RequestGetSocket, GetSocket);
}

}  // namespace percpud
