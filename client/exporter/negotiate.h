// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a scraper can read, from the headers of its request (RFC 9110, section 12.5).

#ifndef PERCPUD_CLIENT_EXPORTER_NEGOTIATE_H_
#define PERCPUD_CLIENT_EXPORTER_NEGOTIATE_H_

#include <string_view>

#include "client/exposition/writer.h"

namespace percpud::exporter {

// Returns the format that an Accept header likes best; text 0.0.4 if it names none that
// there is, since a scraper can do more with that than with a refusal. Of two that are
// liked as much, OpenMetrics.
exposition::Format ChooseFormat(std::string_view accept);

// Returns whether an Accept-Encoding header takes gzip.
bool TakesGzip(std::string_view accept_encoding);

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_NEGOTIATE_H_
