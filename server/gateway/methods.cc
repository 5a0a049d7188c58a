// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/methods.h"

#include <algorithm>
#include <array>

namespace percpud::gateway {
namespace {

constexpr std::array kMethods{
    Method{"/percpud.v1.MemoryService/Ping", Role::kAnonymous},
    Method{"/percpud.v1.MemoryService/Alloc", Role::kClient},
    Method{"/percpud.v1.MemoryService/Free", Role::kClient},
    Method{"/percpud.v1.MemoryService/Read", Role::kViewer},
    Method{"/percpud.v1.MemoryService/Write", Role::kClient},
    Method{"/percpud.v1.MemoryService/Add", Role::kClient},
    Method{"/percpud.v1.MemoryService/Sum", Role::kViewer},
    Method{"/percpud.v1.SessionService/OpenSession", Role::kClient},
    Method{"/percpud.v1.SessionService/EndSession", Role::kClient},
    Method{"/percpud.v1.SessionService/Attach", Role::kClient, true},
    Method{"/percpud.v1.SessionService/HandOver", Role::kClient},
    Method{"/percpud.v1.SessionService/OpenVariable", Role::kClient},
    Method{"/percpud.v1.SessionService/Publish", Role::kClient},
    Method{"/percpud.v1.SessionService/LeaseChunk", Role::kClient},
    Method{"/percpud.v1.SessionService/ReturnLease", Role::kClient},
    Method{"/percpud.v1.SessionService/RemoveVariable", Role::kClient},
    Method{"/percpud.v1.MetricsService/OpenSeries", Role::kClient},
    Method{"/percpud.v1.MetricsService/ListFamilies", Role::kViewer},
    Method{"/percpud.v1.MetricsService/ReadSeries", Role::kViewer},
    Method{"/percpud.v1.MetricsService/WatchSeries", Role::kViewer},
    Method{"/percpud.v1.MetricsService/CloseWriter", Role::kClient},
    Method{"/percpud.v1.MetricsService/ListWorkers", Role::kViewer},
    Method{"/percpud.v1.MetricsService/GetCallStats", Role::kViewer},
    Method{"/percpud.v1.MetricsService/RemoveSeries", Role::kClient},
    Method{"/percpud.v1.MetricsService/ResetNamespace", Role::kClient},
    Method{"/percpud.v1.ReadingService/ReadFamily", Role::kViewer},
    Method{"/percpud.v1.ReadingService/ReadVariables", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/GetAllocInfo", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListGroups", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListUnits", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/GetUnitMap", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListStaticVariables", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListChunks", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListAreas", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/GetAreaMap", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListSlots", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/GetBuddyInfo", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/GetStats", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/Resolve", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/EstimateAlloc", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListSessions", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListLeases", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListLeaseAreas", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/GetLease", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/ListVariables", Role::kViewer},
    Method{"/percpud.v1.IntrospectionService/Check", Role::kOperator},
    Method{"/percpud.v1.IntrospectionService/Watch", Role::kViewer},
    Method{"/grpc.health.v1.Health/Check", Role::kAnonymous},
    Method{"/grpc.health.v1.Health/Watch", Role::kViewer},
    Method{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kViewer, true},
    Method{"/grpc.channelz.v1.Channelz/GetTopChannels", Role::kViewer},
    Method{"/grpc.channelz.v1.Channelz/GetServers", Role::kViewer},
    Method{"/grpc.channelz.v1.Channelz/GetServer", Role::kViewer},
    Method{"/grpc.channelz.v1.Channelz/GetServerSockets", Role::kViewer},
    Method{"/grpc.channelz.v1.Channelz/GetChannel", Role::kViewer},
    Method{"/grpc.channelz.v1.Channelz/GetSubchannel", Role::kViewer},
    Method{"/grpc.channelz.v1.Channelz/GetSocket", Role::kViewer},
};

}  // namespace

absl::string_view Name(Role role) {
  switch (role) {
    case Role::kAnonymous:
      return "anonymous";
    case Role::kViewer:
      return "viewer";
    case Role::kClient:
      return "client";
    case Role::kOperator:
      return "operator";
  }
  return "?";
}

std::span<const Method> Methods() { return kMethods; }

const Method* FindMethod(absl::string_view path) {
  const auto* const found = std::find_if(kMethods.begin(), kMethods.end(),
                                         [path](const Method& each) { return each.path == path; });
  return found == kMethods.end() ? nullptr : found;
}

}  // namespace percpud::gateway
