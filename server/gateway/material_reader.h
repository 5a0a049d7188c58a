// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_MATERIAL_READER_H_
#define PERCPUD_SERVER_GATEWAY_MATERIAL_READER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/unique_fd.h"
#include "server/tls/material.h"

namespace percpud::gateway {

// Starts a process that does nothing but read those files, each time it is asked, with the
// rights that this one has now: the gateway gives them up and never waits for a disk. It
// ends with this process, or when the descriptor that is returned is closed. Call it while
// there is one thread. Errors: what the system said.
absl::StatusOr<UniqueFd> StartReader(const tls::Files& files);

// Asks the reader at that descriptor. Several questions may get one answer.
void AskReader(int fd);

// What the two say to each other: a length, then what was read, or why it was not.
std::string EncodeMaterial(const absl::StatusOr<tls::Material>& material);
// Takes the first answer off `bytes`; nullopt if it is not there whole. Errors: what was
// encoded; INTERNAL for what is no answer.
std::optional<absl::StatusOr<tls::Material>> TakeMaterial(std::string& bytes);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_MATERIAL_READER_H_
