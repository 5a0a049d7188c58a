// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/render.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace percpu::cli {
namespace {

std::string AsTable(const Report& report) {
  std::ostringstream out;
  MakeTableRenderer(out, {})->Render(report);
  return out.str();
}

std::string AsJson(const Report& report) {
  std::ostringstream out;
  MakeJsonRenderer(out)->Render(report);
  return out.str();
}

Table Areas() {
  return {
      .key = "areas",
      .title = "",
      .columns = {{"pointer", "POINTER"}, {"size_bytes", "SIZE"}, {"chunk_id", ""}, {"tag", "TAG"}},
      .rows = {{Offset{0x40}, Size{1024}, Count{1}, "hits"},
               {Offset{0x1000}, Size{8}, Count{1}, ""}}};
}

TEST(RenderFieldsTest, NumbersAloneLineUpAtTheRight) {
  const Report report{{Fields{.key = "stats",
                              .title = "Global Stats",
                              .fields = {{"nr_alloc", Count{5}, ""}, {"live", Count{1200}, ""}}}}};
  EXPECT_EQ(AsTable(report),
            "Global Stats:\n"
            "  nr_alloc :    5\n"
            "  live     : 1200\n");
  EXPECT_EQ(AsJson(report),
            "{\n"
            "  \"stats\": {\n"
            "    \"nr_alloc\": 5,\n"
            "    \"live\": 1200\n"
            "  }\n"
            "}\n");
}

TEST(RenderFieldsTest, NotesLineUpAndAreNotInJson) {
  const Report report{{Fields{.key = "",
                              .title = "",
                              .fields = {{"backend", "km, and long", ""},
                                         {"units", Count{4}, "all"},
                                         {"pages", Count{128}, "of them"}}}}};
  EXPECT_EQ(AsTable(report),
            "backend : km, and long\n"
            "units   : 4    all\n"
            "pages   : 128  of them\n");
  EXPECT_EQ(AsJson(report),
            "{\n"
            "  \"backend\": \"km, and long\",\n"
            "  \"units\": 4,\n"
            "  \"pages\": 128\n"
            "}\n");
}

TEST(RenderFieldsTest, NamesAndNotesOfOthersAreShownEscaped) {
  const Report report{{Fields{
      .key = "", .title = "", .fields = {{"label_\x1b[2J", "a\nb", "why\x1b]0;title\x07"}}}}};
  EXPECT_EQ(AsTable(report), "label_\\x1b[2J : a\\x0ab  why\\x1b]0;title\\x07\n");
}

TEST(RenderTableTest, ColumnsLineUpAndJsonHasThemAll) {
  const Report report{{Areas()}};
  EXPECT_EQ(AsTable(report),
            "POINTER  SIZE  TAG\n"
            "   0x40  1KiB  hits\n"
            " 0x1000    8B\n");
  EXPECT_EQ(AsJson(report),
            "{\n"
            "  \"areas\": [\n"
            "    {\n"
            "      \"pointer\": 64,\n"
            "      \"size_bytes\": 1024,\n"
            "      \"chunk_id\": 1,\n"
            "      \"tag\": \"hits\"\n"
            "    },\n"
            "    {\n"
            "      \"pointer\": 4096,\n"
            "      \"size_bytes\": 8,\n"
            "      \"chunk_id\": 1,\n"
            "      \"tag\": \"\"\n"
            "    }\n"
            "  ]\n"
            "}\n");
}

TEST(RenderTableTest, WithoutRowsThereAreHeadingsAndAnEmptyArray) {
  Table table = Areas();
  table.rows.clear();
  EXPECT_EQ(AsTable(Report{{table}}), "POINTER  SIZE  TAG\n");
  EXPECT_EQ(AsJson(Report{{table}}), "{\n  \"areas\": []\n}\n");
}

TEST(RenderTableTest, BlocksAreALinePerValue) {
  Table table = Areas();
  table.title = "Areas";
  table.layout = Table::Layout::kBlocks;
  EXPECT_EQ(AsTable(Report{{table}}),
            "Areas:\n"
            "  POINTER : 0x40\n"
            "  SIZE    : 1KiB\n"
            "  TAG     : hits\n"
            "\n"
            "  POINTER : 0x1000\n"
            "  SIZE    : 8B\n"
            "  TAG     :\n");
}

TEST(RenderListTest, ALineEachForTheShell) {
  const Report report{{List{.key = "pointers", .values = {Offset{64}, Offset{128}}}}};
  EXPECT_EQ(AsTable(report), "0x40\n0x80\n");
  EXPECT_EQ(AsJson(report), "{\n  \"pointers\": [64,128]\n}\n");
}

TEST(RenderMapTest, JsonHasTheCells) {
  const Report report{{Map{.begin_offset = 0,
                           .end_offset = 128,
                           .cell_bytes = 64,
                           .occupancy = std::string("\xff\x00", 2)}}};
  EXPECT_EQ(AsJson(report),
            "{\n"
            "  \"begin_offset\": 0,\n"
            "  \"end_offset\": 128,\n"
            "  \"cell_bytes\": 64,\n"
            "  \"occupancy\": [255,0]\n"
            "}\n");
}

TEST(RenderDumpTest, JsonHasHexadecimal) {
  EXPECT_EQ(AsJson(Report{{Dump{.key = "data", .data = std::string("\x00\xff", 2)}}}),
            "{\n  \"data\": \"00ff\"\n}\n");
}

TEST(RenderReportTest, SectionsOfATableAreParted) {
  const Report report{{Fields{.key = "", .title = "", .fields = {{"id", Count{1}, ""}}}, Areas()}};
  EXPECT_EQ(AsTable(report),
            "id : 1\n"
            "\n"
            "POINTER  SIZE  TAG\n"
            "   0x40  1KiB  hits\n"
            " 0x1000    8B\n");
}

TEST(RenderReportTest, JsonSurvivesWhatIsNoText) {
  const Report report{{Fields{.key = "", .title = "", .fields = {{"tag", "a\xff\"", ""}}}}};
  EXPECT_EQ(AsJson(report), "{\n  \"tag\": \"a\\ufffd\\\"\"\n}\n");
}

TEST(RenderReportTest, EveryTypeHasItsJson) {
  const Report report{{Fields{.key = "",
                              .title = "",
                              .fields = {{"absent", Absent{}, ""},
                                         {"flag", true, ""},
                                         {"signed", Signed{-3}, ""},
                                         {"real", Real{0.5}, ""},
                                         {"share", Share{0.25}, ""},
                                         {"ids", Ids{{0, 1, 8}}, ""},
                                         {"none", Ids{}, ""}}}}};
  EXPECT_EQ(AsJson(report),
            "{\n"
            "  \"absent\": null,\n"
            "  \"flag\": true,\n"
            "  \"signed\": -3,\n"
            "  \"real\": 0.5,\n"
            "  \"share\": 0.25,\n"
            "  \"ids\": [0,1,8],\n"
            "  \"none\": []\n"
            "}\n");
}

TEST(RenderRowsTest, HeadingsComeOnceAndColumnsStayWide) {
  std::ostringstream out;
  const auto renderer = MakeTableRenderer(out, {});
  Table table{
      .key = "rates", .title = "", .columns = {{"areas", "AREAS", 8}}, .rows = {{Count{1}}}};
  renderer->RenderRows(table);
  table.rows = {{Count{1234567}}};
  renderer->RenderRows(table);
  EXPECT_EQ(out.str(), "   AREAS\n       1\n 1234567\n");
}

TEST(RenderRowsTest, JsonIsAnObjectALine) {
  std::ostringstream out;
  MakeJsonRenderer(out)->RenderRows({.key = "rates",
                                     .title = "",
                                     .columns = {{"a", "A"}, {"b", ""}},
                                     .rows = {{Count{1}, Count{2}}}});
  EXPECT_EQ(out.str(), "{\"a\":1,\"b\":2}\n");
}

}  // namespace
}  // namespace percpu::cli
