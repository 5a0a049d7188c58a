// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_GZIP_H_
#define PERCPUD_CLIENT_EXPORTER_GZIP_H_

#include <string_view>

#include "client/exposition/text.h"

namespace percpud::exporter {

// Writes the text to `out`, which is empty, in gzip's format. Returns false if memory is short.
[[nodiscard]] bool Gzip(std::string_view text, exposition::Text& out);

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_GZIP_H_
