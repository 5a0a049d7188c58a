// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 by hand, for what no library would send.

#ifndef PERCPUD_TESTS_SUPPORT_HTTP2_FRAMES_H_
#define PERCPUD_TESTS_SUPPORT_HTTP2_FRAMES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace percpud::testing {

// The bytes that a client begins with: the preface, and empty settings.
inline std::string Preface() {
  return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9);
}

// A frame as it goes over the wire, right or wrong.
inline std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                         const std::string& payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out + payload;
}

// A message as gRPC frames it.
inline std::string Message(const std::string& body, char flag = 0) {
  std::string out(1, flag);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(body.size() >> shift);
  return out + body;
}

// A field of a header, written out and remembered by nobody.
inline std::string Literal(const std::string& name, const std::string& value) {
  std::string out(1, '\0');
  out += static_cast<char>(name.size());
  out += name;
  out += static_cast<char>(value.size());
  return out + value;
}

// The header of a call of gRPC.
inline std::string CallHeader(const std::string& path) {
  std::string out;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{":method", "POST"},
                                                        {":scheme", "http"},
                                                        {":path", path},
                                                        {":authority", "x"},
                                                        {"te", "trailers"},
                                                        {"content-type", "application/grpc"}}) {
    out += Literal(name, value);
  }
  return out;
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_HTTP2_FRAMES_H_
