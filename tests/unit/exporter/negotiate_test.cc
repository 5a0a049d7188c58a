// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/negotiate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "client/exporter/gzip.h"

namespace percpud::exporter {
namespace {

using exposition::Format;

TEST(ChooseFormatTest, WhatScrapersSend) {
  // Prometheus 2.42 and 3.
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;version=1.0.0,"
                         "application/openmetrics-text;version=0.0.1;q=0.75,"
                         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::kOpenMetrics);
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                         "application/openmetrics-text;version=0.0.1;q=0.5,"
                         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            Format::kOpenMetrics);
  // curl, and a browser.
  EXPECT_EQ(ChooseFormat("*/*"), Format::kText);
  EXPECT_EQ(ChooseFormat("text/html,application/xhtml+xml,*/*;q=0.8"), Format::kText);
  EXPECT_EQ(ChooseFormat(""), Format::kText);
}

TEST(ChooseFormatTest, QualityDecides) {
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;q=0.2, text/plain;q=0.3"), Format::kText);
  EXPECT_EQ(ChooseFormat("application/openmetrics-text; q=0.3 , text/plain;q=0.3"),
            Format::kOpenMetrics);
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;q=0"), Format::kText);
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;q=often"), Format::kText);
  EXPECT_EQ(ChooseFormat("APPLICATION/OpenMetrics-Text; Version=\"1.0.0\""), Format::kOpenMetrics);
}

TEST(ChooseFormatTest, AVersionThatThereIsNotIsNotServed) {
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;version=2.0.0"), Format::kText);
  EXPECT_EQ(ChooseFormat("text/plain;version=1.0.0,application/openmetrics-text;q=0.1"),
            Format::kOpenMetrics);
}

TEST(TakesGzipTest, OnlyIfItIsNamed) {
  EXPECT_TRUE(TakesGzip("gzip"));
  EXPECT_TRUE(TakesGzip("deflate, GZIP;q=0.5"));
  EXPECT_FALSE(TakesGzip("gzip;q=0"));
  EXPECT_FALSE(TakesGzip(""));
  EXPECT_FALSE(TakesGzip("identity"));
}

TEST(GzipTest, IsReadByZlib) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "a line of text " + std::to_string(i) + "\n";
  exposition::Text zipped;
  ASSERT_TRUE(Gzip(text, zipped));
  EXPECT_LT(zipped.size(), text.size() / 2);
  std::string back(text.size() + 1, '\0');
  z_stream z{};
  ASSERT_EQ(inflateInit2(&z, 15 + 16), Z_OK);
  std::string in(zipped.view());
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(back.data());
  z.avail_out = static_cast<uInt>(back.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  back.resize(z.total_out);
  inflateEnd(&z);
  EXPECT_EQ(back, text);
}

}  // namespace
}  // namespace percpud::exporter
