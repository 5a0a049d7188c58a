// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/mocks/mock_connection.h"

namespace percpu::mocks {

MockConnection::MockConnection() = default;
MockConnection::~MockConnection() = default;

}  // namespace percpu::mocks
