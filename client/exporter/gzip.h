// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_GZIP_H_
#define PERCPUD_CLIENT_EXPORTER_GZIP_H_

#include <optional>
#include <string_view>

#include "client/exposition/text.h"

namespace percpud::exporter {

// Returns the text in gzip's format; nothing if memory is short.
std::optional<exposition::Text> Gzip(std::string_view text);

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_GZIP_H_
