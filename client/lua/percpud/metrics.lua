-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Counters, gauges and histograms.
--
-- A metric keeps the handles of its series in a tree of tables by label values, so that an
-- update is a look-up and one direct call of C.

local ffi = require("ffi")
local labels = require("percpud.labels")
local library = require("percpud.library")

local concat, format = table.concat, string.format
local tonumber, tostring, type = tonumber, tostring, type

local COUNTER, GAUGE, HISTOGRAM = 1, 2, 3
-- Bytes of a label value.
local MOST_VALUE = 2048
-- Milliseconds.
local REMOVAL_WAIT = 1000

-- Has the interpreter run a function that the library may call back from.
local function interpreted(f)
  jit.off(f)
  return f
end

local function c_strings(texts)
  return ffi.new("const char*[?]", #texts + 1, texts)
end

-- Returns the values as texts, or logs what is wrong with them.
local function texts_of(metric, values)
  local count = metric.label_count
  local got = values and #values or 0
  if got ~= count then
    local shown = {}
    for i = 1, got do shown[i] = tostring(values[i]) end
    metric.parent:log_error(format("incorrect label count for metric %s, expected %d, got %d (%s)",
      metric.name, count, got, values and "<" .. concat(shown, ",") .. ">" or "nil"))
    return nil
  end
  local texts = {}
  for i = 1, count do
    if values[i] == nil then
      metric.parent:log_error(format("unexpected nil value for label %s of %s",
        metric.label_names[i], metric.name))
      return nil
    end
    texts[i] = labels.clean(values[i], MOST_VALUE)
  end
  return texts
end

-- Keeps the handle in the metric's tree.
local function keep(metric, values, handle)
  local count = metric.label_count
  if count == 0 then
    metric.tree = handle
    return
  end
  -- What is not equal to itself cannot be found again.
  for i = 1, count do
    if values[i] ~= values[i] then return end
  end
  metric.kept = metric.kept + 1
  local node = metric.tree
  for i = 1, count - 1 do
    node[values[i]] = node[values[i]] or {}
    node = node[values[i]]
  end
  node[values[count]] = handle
end

local HANDLES = {
  [COUNTER] = library.percpud_series_number,
  [GAUGE] = function(series) return series end,
  [HISTOGRAM] = library.percpud_series_histogram,
}

local open_series = interpreted(function(metric, values)
  local texts = texts_of(metric, values)
  if not texts then return nil end
  local handle = HANDLES[metric.type](library.percpud_series_open(metric.family, c_strings(texts)))
  metric.parent.client:tell()
  if handle == nil then
    metric.parent:log_error("No memory for a series of ", metric.name)
    return nil
  end
  keep(metric, values, handle)
  return handle
end)

-- Returns the handle of the series with these label values, which are perhaps new. When there are
-- as many as there may be, it is the one that the daemon has for what exceeds them; label
-- values that anybody may send would fill the worker's memory otherwise.
local function new_series(metric, values)
  if metric.kept < metric.parent.most_series then return open_series(metric, values) end
  if not texts_of(metric, values) then return nil end
  if not metric.overflow then
    local texts = {}
    for i = 1, metric.label_count do texts[i] = "overflow" end
    metric.overflow = open_series(metric, texts)
  end
  return metric.overflow
end

-- Returns the handle of the series with these label values. Nothing is made or compared here
-- when it is known.
local function series_of(metric, values)
  local count, node = metric.label_count, metric.tree
  if count == 0 then
    if node and values == nil then return node end
  elseif values then
    node = node[values[1]]
    if count > 1 and node then
      node = node[values[2]]
      for i = 3, count do node = node and node[values[i]] end
    end
    if node and values[count + 1] == nil then return node end
  end
  return new_series(metric, values)
end

-- Returns the number that a value is, text of nginx's variables too, or logs that it is none.
local function number_of(metric, value)
  local number = tonumber(value)
  if number then return number end
  if value == nil then
    metric.parent:log_error("No value passed for " .. metric.name)
  else
    metric.parent:log_error_kv(metric.name, tostring(value), "Value should be a number")
  end
end

local Metric = {}
Metric.__index = Metric

-- Has the metric look its handles up anew.
local function forget(metric)
  if metric.label_count > 0 then metric.tree, metric.kept = {}, 0 end
end

-- Takes away the series with these label values.
Metric.del = interpreted(function(self, label_values)
  local texts = texts_of(self, label_values)
  if not texts then return end
  forget(self)
  if library.percpud_remove(self.family, c_strings(texts), REMOVAL_WAIT) < 0 then
    self.parent:log_error("Error deleting from '", self.name, "': ", self.parent.client:reason())
  end
  self.parent.client:tell()
end)

-- Takes away every series.
Metric.reset = interpreted(function(self)
  forget(self)
  if library.percpud_remove_all(self.family, REMOVAL_WAIT) < 0 then
    self.parent:log_error("Error resetting '", self.name, "': ", self.parent.client:reason())
  end
  self.parent.client:tell()
end)

local Counter = setmetatable({}, Metric)
Counter.__index = Counter

function Counter:inc(value, label_values)
  if value == nil then value = 1 end
  if type(value) ~= "number" then
    value = number_of(self, value)
    if not value then return end
  end
  if not (value >= 0) then
    self.parent:log_error_kv(self.name, value, "Value should not be negative")
    return
  end
  local series = series_of(self, label_values)
  if series then library.percpud_number_add(series, value) end
end

local Gauge = setmetatable({}, Metric)
Gauge.__index = Gauge

function Gauge:set(value, label_values)
  if type(value) ~= "number" then
    value = number_of(self, value)
    if not value then return end
  end
  local series = series_of(self, label_values)
  if series then library.percpud_set(series, value) end
end

function Gauge:inc(value, label_values)
  if value == nil then value = 1 end
  if type(value) ~= "number" then
    value = number_of(self, value)
    if not value then return end
  end
  local series = series_of(self, label_values)
  if series then library.percpud_add(series, value) end
end

local Histogram = setmetatable({}, Metric)
Histogram.__index = Histogram

function Histogram:observe(value, label_values)
  if type(value) ~= "number" then
    value = number_of(self, value)
    if not value then return end
  end
  local series = series_of(self, label_values)
  if series then library.percpud_histogram_observe(series, value) end
end

local CLASSES = { [COUNTER] = Counter, [GAUGE] = Gauge, [HISTOGRAM] = Histogram }

-- Returns a metric. A counter or histogram without labels is shown from now on, at 0.
local function new(kind, name, family, label_names, parent)
  local metric = setmetatable({
    type = kind,
    name = name,
    family = family,
    label_names = label_names,
    label_count = #label_names,
    parent = parent,
    -- Of label values; without labels it is the handle.
    tree = #label_names > 0 and {} or nil,
    kept = 0,
  }, CLASSES[kind])
  if #label_names == 0 and kind ~= GAUGE then open_series(metric) end
  return metric
end

return { new = new }
