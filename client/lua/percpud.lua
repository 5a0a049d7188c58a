-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Metrics that all workers of nginx share, with the API of nginx-lua-prometheus:
--
--     prometheus = require("percpud").init("prometheus_metrics")
--     requests = prometheus:counter("nginx_http_requests_total", "Requests", {"host", "status"})
--     requests:inc(1, {ngx.var.server_name, ngx.var.status})

local ffi = require("ffi")
local Client = require("percpud.client")
local exposition = require("percpud.exposition")
local labels = require("percpud.labels")
local library = require("percpud.library")
local log = require("percpud.log")
local metrics = require("percpud.metrics")

local COUNTER, GAUGE, HISTOGRAM = 1, 2, 3
local FOLD_SHARED = 6
-- Bytes, which are the daemon's limits.
local MOST_HELP, MOST_NAMESPACE = 1024, 255
-- Milliseconds that a new series waits for the daemon's answer.
local OPEN_WAIT = 50
local RESET_WAIT = 1000
-- Of a metric in one worker. It is the daemon's default too, for all processes together.
local MOST_SERIES = 10000
local SYNC_INTERVAL = 1
local LATENCIES = { 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75,
                    1, 1.5, 2, 3, 4, 5, 10 }

local Prometheus = {}
Prometheus.__index = Prometheus

-- Returns nginx's phase; nil where there is no nginx.
local function phase()
  local nginx = _G.ngx
  return nginx and nginx.get_phase and nginx.get_phase()
end

-- Whose metrics these are: one nginx's, as a shared dictionary would be.
local function name_space_of(dict_name, options)
  local name = options.namespace or os.getenv("PERCPUD_NAMESPACE")
  if name and name ~= "" then return name end
  local nginx = _G.ngx
  local folder = nginx and nginx.config and nginx.config.prefix and nginx.config.prefix() or ""
  return (folder .. dict_name):sub(-MOST_NAMESPACE)
end

-- Returns options from what nginx-lua-prometheus takes: a table or a prefix, perhaps after
-- the name of a dictionary for locks.
local function options_of(...)
  local last
  for i = 1, select("#", ...) do last = select(i, ...) or last end
  if type(last) == "table" then return last end
  return { prefix = last }
end

function Prometheus.init(dict_name, ...)
  local now = phase()
  if now and now ~= "init" and now ~= "init_worker" then
    error("Prometheus.init can only be called from " ..
          "init_by_lua_block or init_worker_by_lua_block", 2)
  end
  local options = options_of(...)
  if type(dict_name) == "table" then
    options, dict_name = dict_name, dict_name.dict_name
  end
  local self = setmetatable({
    initialized = true,
    prefix = options.prefix or "",
    error_metric_name = options.error_metric_name or "nginx_metric_errors_total",
    sync_interval = options.sync_interval or SYNC_INTERVAL,
    most_series = options.most_series or MOST_SERIES,
    daemons_most_series = options.most_series or 0,
    registry = {},
  }, Prometheus)
  local name_space = name_space_of(dict_name or "prometheus_metrics", options)
  self.client = Client.open(options.address, name_space, options.open_wait_ms or OPEN_WAIT)
  self.errors = self:counter(self.error_metric_name, "Number of nginx-lua-prometheus errors")
  if now == "init_worker" then self:init_worker(self.sync_interval) end
  return self
end

-- Has this worker join what it has counted locally, and go on with the daemon's successor.
-- init() does so itself in a worker.
function Prometheus:init_worker(sync_interval)
  if phase() ~= "init_worker" then
    error("Prometheus:init_worker can only be called in init_worker_by_lua_block", 2)
  end
  local client = self.client
  if client.is_polled then return end
  client.is_polled = true
  client:poll()
  ngx.timer.every(sync_interval or self.sync_interval, function() client:poll() end)
end

-- Joins what was counted locally. Returns whether everything is shared.
function Prometheus:poll()
  return self.client:poll()
end

-- Returns what is wrong with the names, or nil.
local function objection(name, label_names)
  if not name:match("^[a-zA-Z_:][a-zA-Z0-9_:]*$") then
    return "Metric name '" .. name .. "' is invalid"
  end
  for _, label in ipairs(label_names or {}) do
    if label == "le" then return "Invalid label name 'le' in " .. name end
    if not label:match("^[a-zA-Z_][a-zA-Z0-9_]*$") then
      return "Metric '" .. name .. "' label name '" .. label .. "' is invalid"
    end
  end
end

-- Returns whether a sample of the metric would be called as one of another metric is.
local function is_taken(registry, name, kind)
  if registry[name] then return true end
  for _, suffix in ipairs({ "_bucket", "_count", "_sum" }) do
    if kind == HISTOGRAM and registry[name .. suffix] then return true end
    local histogram = name:sub(-#suffix) == suffix and registry[name:sub(1, -#suffix - 1)]
    if histogram and histogram.type == HISTOGRAM then return true end
  end
  return false
end

-- Returns the finite bounds, rising.
local function bounds_of(buckets)
  local sorted, bounds = {}, {}
  for i, bound in ipairs(buckets) do
    assert(type(bound) == "number", "bucket boundaries should be numeric")
    sorted[i] = bound
  end
  table.sort(sorted)
  for _, bound in ipairs(sorted) do
    if bound ~= bounds[#bounds] and bound < math.huge then bounds[#bounds + 1] = bound end
  end
  return bounds
end

local function open_family(self, name, help, label_names, kind, bounds)
  local options = ffi.new("percpud_family_options")
  -- The structure has pointers only; the texts are these until the end of the call.
  local shown = self.prefix .. name
  local described = labels.clean(help or "", MOST_HELP)
  local names = ffi.new("const char*[?]", #label_names + 1, label_names)
  local limits = ffi.new("double[?]", #bounds + 1, bounds)
  options.size = ffi.sizeof(options)
  options.name, options.help = shown, described
  options.type, options.fold = kind, kind == GAUGE and FOLD_SHARED or 0
  options.label_count, options.label_names = #label_names, names
  options.bound_count, options.bounds = #bounds, limits
  options.most_series = self.daemons_most_series
  local family = library.percpud_family_open(self.client.handle, options)
  self.client:tell()
  return family ~= nil and family or nil
end
jit.off(open_family)

local function register(self, name, help, label_names, kind, buckets)
  if not self.initialized then
    log("Prometheus module has not been initialized")
    return
  end
  local wrong = objection(name, label_names)
  if not wrong and is_taken(self.registry, name, kind) then wrong = "Duplicate metric " .. name end
  if wrong then
    self:log_error(wrong)
    return
  end
  local names = {}
  for i, label in ipairs(label_names or {}) do names[i] = label end
  local family = open_family(self, name, help, names, kind, bounds_of(buckets or {}))
  if not family then
    self:log_error("Error registering '", name, "': no daemon takes its description")
    return
  end
  self.registry[name] = metrics.new(kind, name, family, names, self)
  return self.registry[name]
end

function Prometheus:counter(name, help, label_names)
  return register(self, name, help, label_names, COUNTER)
end

function Prometheus:gauge(name, help, label_names)
  return register(self, name, help, label_names, GAUGE)
end

function Prometheus:histogram(name, help, label_names, buckets)
  return register(self, name, help, label_names, HISTOGRAM, buckets or LATENCIES)
end

-- Returns the metrics of all processes as an array of strings.
function Prometheus:metric_data()
  if not self.initialized then
    log("Prometheus module has not been initialized")
    return
  end
  return exposition(self.client)
end

-- Answers a request with them.
function Prometheus:collect()
  local data = self:metric_data()
  if not data then return end
  local nginx = _G.ngx
  if nginx then
    nginx.header.content_type = "text/plain; version=0.0.4"
    nginx.print(data)
  else
    io.write(table.concat(data))
  end
end

-- Has every metric of the namespace count from 0, for all processes.
function Prometheus:start_over()
  if library.percpud_reset_namespace(self.client.handle, 0, nil, RESET_WAIT) < 0 then
    self:log_error("Error starting over: ", self.client:reason())
  end
  self.client:tell()
end
jit.off(Prometheus.start_over)

function Prometheus:log_error(...)
  log(...)
  if self.errors then self.errors:inc(1) end
end

function Prometheus:log_error_kv(key, value, err)
  self:log_error("Error while setting '", key, "' to '", value, "': '", err, "'")
end

return Prometheus
