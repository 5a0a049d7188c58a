// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Labels as text, without the braces: `method="get",code="200"`. It is made once for a
// series, and used at every scrape.

#ifndef PERCPUD_CLIENT_EXPOSITION_LABELS_H_
#define PERCPUD_CLIENT_EXPOSITION_LABELS_H_

#include <cstddef>
#include <string_view>

#include "client/exposition/text.h"

namespace percpud::exposition {

// Appends a label to those that the text has from `begin` on. The value may be any
// UTF-8; backslashes, quotes and newlines in it are escaped, alike in both formats.
void AppendLabel(Text& labels, std::size_t begin, std::string_view name, std::string_view value);

// Appends a family's help. `quotes` says whether quotes are escaped too, as OpenMetrics
// wants them to be.
void AppendHelp(Text& out, std::string_view help, bool quotes);

}  // namespace percpud::exposition

#endif  // PERCPUD_CLIENT_EXPOSITION_LABELS_H_
