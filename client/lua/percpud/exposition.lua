-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- What a namespace shows, in Prometheus's text format. Names are those that the
-- application gave; percpud-exporter adds `_total` to a counter's.

local ffi = require("ffi")
local library = require("percpud.library")

local concat, floor, huge = table.concat, math.floor, math.huge
local format, gsub = string.format, string.gsub
local tonumber = tonumber

local TYPES = { "counter", "gauge", "histogram", "summary" }
local COUNTER, GAUGE, HISTOGRAM, SUMMARY = 1, 2, 3, 4
local FOLD_ALL = 1
-- Milliseconds.
local COLLECTION_WAIT = 1000
-- After so many series other requests may go on.
local YIELD_AFTER = 200
local YIELDING = { rewrite = true, access = true, content = true, timer = true }

local ESCAPES = { ["\\"] = "\\\\", ["\n"] = "\\n", ['"'] = '\\"' }

-- Returns the shortest text that reads as the same number.
local function number(value)
  if value ~= value then return "NaN" end
  if value == huge then return "+Inf" end
  if value == -huge then return "-Inf" end
  if value == floor(value) and value > -2 ^ 53 and value < 2 ^ 53 then
    return format("%.0f", value)
  end
  for digits = 14, 16 do
    local text = format("%." .. digits .. "g", value)
    if tonumber(text) == value then return text end
  end
  return format("%.17g", value)
end

local function text_of(view)
  return ffi.string(view.text, view.bytes)
end

-- One collection as it is written: `lines` is what there is yet.
local Writer = {}
Writer.__index = Writer

function Writer:head(family, name)
  local help = text_of(family.help)
  if help ~= "" then self:line("# HELP ", name, " ", (gsub(help, "[\\\n]", ESCAPES))) end
  self:line("# TYPE ", name, " ", TYPES[family.type] or "untyped")
end

function Writer:line(...)
  self.lines[#self.lines + 1] = concat({ ... }) .. "\n"
end

-- Writes a sample; `labels` are `name="value"` pairs with commas between them.
function Writer:sample(name, labels, value)
  if labels ~= "" then name = name .. "{" .. labels .. "}" end
  self:line(name, " ", number(tonumber(value)))
end

-- Returns the labels of a series, and what a further one goes on with.
local function labels_of(family, series)
  local pairs_ = {}
  for i = 0, family.label_count - 1 do
    local value = gsub(text_of(series.label_values[i]), '[\\\n"]', ESCAPES)
    pairs_[i + 1] = text_of(family.label_names[i]) .. '="' .. value .. '"'
  end
  local labels = concat(pairs_, ",")
  return labels, labels == "" and "" or labels .. ","
end

function Writer:histogram(family, series, name)
  local labels, before = labels_of(family, series)
  for i = 0, series.bucket_count - 1 do
    local bound = i < family.bound_count and number(family.bounds[i]) or "+Inf"
    self:sample(name .. "_bucket", before .. 'le="' .. bound .. '"', series.buckets[i])
  end
  self:sample(name .. "_count", labels, series.count)
  self:sample(name .. "_sum", labels, series.value)
end

function Writer:gauge(family, series, name)
  local labels, before = labels_of(family, series)
  if family.fold ~= FOLD_ALL then
    if series.is_set ~= 0 then self:sample(name, labels, series.value) end
    return
  end
  for i = 0, series.writer_count - 1 do
    local writer = series.writers[i]
    local label = gsub(text_of(writer.label), '[\\\n"]', ESCAPES)
    self:sample(name, before .. 'pid="' .. label .. '"', writer.value)
  end
end

local WRITE = {
  [COUNTER] = function(self, family, series, name)
    self:sample(name, (labels_of(family, series)), series.value)
  end,
  [GAUGE] = Writer.gauge,
  [HISTOGRAM] = Writer.histogram,
  [SUMMARY] = function(self, family, series, name)
    local labels = labels_of(family, series)
    self:sample(name .. "_count", labels, series.count)
    self:sample(name .. "_sum", labels, series.value)
  end,
}

-- Lets other requests go on, now and then, where nginx allows it.
function Writer:rest()
  self.written = self.written + 1
  local nginx = _G.ngx
  if self.written % YIELD_AFTER ~= 0 or not nginx or not nginx.sleep then return end
  if YIELDING[nginx.get_phase()] then nginx.sleep(0) end
end

function Writer:family(family)
  local write, name = WRITE[family.type], text_of(family.name)
  if not write or family.series_count == 0 then return end
  self:head(family, name)
  for i = 0, family.series_count - 1 do
    write(self, family, family.series[i], name)
    self:rest()
  end
end

-- It is left to the interpreter: the library may call back meanwhile.
local function collect(client)
  return ffi.gc(library.percpud_collect_begin(client.handle, nil, COLLECTION_WAIT),
                library.percpud_collection_end)
end
jit.off(collect)

-- Returns an array of lines.
return function(client)
  local collection = collect(client)
  client:tell()
  -- Memory is short.
  if collection == nil then return {} end
  local writer = setmetatable({ lines = {}, written = 0 }, Writer)
  for i = 1, tonumber(library.percpud_collection_size(collection)) do
    writer:family(library.percpud_collection_family(collection, i - 1))
  end
  -- It is used up to here.
  library.percpud_collection_end(ffi.gc(collection, nil))
  return writer.lines
end
