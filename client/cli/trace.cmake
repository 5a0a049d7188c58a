# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0

add_library(percpu_trace STATIC trace.cc)
target_link_libraries(percpu_trace PUBLIC percpud_options percpud_grpc)
