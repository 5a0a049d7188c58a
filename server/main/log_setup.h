// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_LOG_SETUP_H_
#define PERCPUD_SERVER_MAIN_LOG_SETUP_H_

#include <string>

namespace percpud {

// Opens /dev/null for each of the descriptors 0, 1 and 2 that this process was started
// without. Otherwise the next files would get their numbers, and what is written for a
// reader would go into a lock file or into the arena. Call it before anything is opened.
void OpenStandardDescriptors();

// Sends the log to standard error. For the journal, each line has a priority and no time,
// which the journal adds; for others, each line has the time and its zone. Warnings of
// the lower layers go there too.
void SetUpLog();

// Whether `journal_stream`, the value of JOURNAL_STREAM, names the file that `fd` is open
// on: then the journal reads it.
bool IsJournal(const std::string& journal_stream, int fd);

// Sets the level that `log_level` names.
void SetLogLevel(const std::string& level);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_LOG_SETUP_H_
