-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- libpercpud as LuaJIT calls it. What is declared here is described in the library's headers.

local ffi = require("ffi")

-- Declarations outlive this module's tables when it is loaded anew.
if not pcall(ffi.typeof, "percpud_family_options") then
  ffi.cdef([[
typedef struct percpud_client percpud_client;
typedef struct percpud_family percpud_family;
typedef struct percpud_series percpud_series;
typedef struct percpud_number percpud_number;
typedef struct percpud_histogram percpud_histogram;
typedef struct percpud_collection percpud_collection;
typedef void (*percpud_notice_fn)(void*, int, const char*);
typedef struct { size_t size; const char *address, *name_space, *writer;
                 uint32_t open_wait_ms, flags; } percpud_options;
typedef struct { size_t size; const char *name, *help, *unit; int type, fold;
                 uint32_t flags, label_count; const char* const* label_names;
                 uint32_t bound_count, most_series; const double* bounds;
                 uint32_t ttl_seconds; } percpud_family_options;
typedef struct { const char* text; size_t bytes; } percpud_text;
typedef struct { percpud_text label; double value, timestamp; int is_live; } percpud_writer_view;
typedef struct { const percpud_text* label_values; double value; uint64_t count;
                 uint32_t bucket_count, writer_count; const uint64_t* buckets;
                 const percpud_writer_view* writers; uint64_t created_ns;
                 int is_set; } percpud_series_view;
typedef struct { percpud_text name, help, unit; int type, fold; uint32_t flags, label_count;
                 const percpud_text* label_names; const double* bounds;
                 uint32_t bound_count, series_count;
                 const percpud_series_view* series; } percpud_family_view;

percpud_client* percpud_open_as(const percpud_options*);
void percpud_close(percpud_client*);
void percpud_on_notice(percpud_client*, percpud_notice_fn, void*);
int percpud_poll(percpud_client*);
size_t percpud_reason(percpud_client*, char*, size_t);
percpud_family* percpud_family_open(percpud_client*, const percpud_family_options*);
percpud_series* percpud_series_open(percpud_family*, const char* const*);
percpud_number* percpud_series_number(percpud_series*);
percpud_histogram* percpud_series_histogram(percpud_series*);
void percpud_number_add(percpud_number*, double);
void percpud_histogram_observe(percpud_histogram*, double);
void percpud_add(percpud_series*, double);
void percpud_set(percpud_series*, double);
int64_t percpud_remove(percpud_family*, const char* const*, int);
int64_t percpud_remove_all(percpud_family*, int);
int64_t percpud_reset_namespace(percpud_client*, uint64_t, uint64_t*, int);
percpud_collection* percpud_collect_begin(percpud_client*, const char*, int);
size_t percpud_collection_size(const percpud_collection*);
const percpud_family_view* percpud_collection_family(const percpud_collection*, size_t);
void percpud_collection_end(percpud_collection*);
]])
end

-- The library is beside this file, as in a build's folder, or where the system has libraries.
local function load_library()
  local name = "libpercpud.so.0"
  local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
  local found, library = pcall(ffi.load, folder .. name)
  return found and library or ffi.load(name)
end
return load_library()
