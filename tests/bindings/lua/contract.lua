-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- What applications of nginx-lua-prometheus rely on, under LuaJIT without nginx and with a
-- real daemon at $PERCPUD_ADDRESS. Each test has a namespace of its own, which the first
-- argument begins. contract_test.py runs it.

local percpud = require("percpud")

local logged, printed
-- Stands for the part of nginx that the module writes to.
ngx = {
  ERR = 4,
  header = {},
  log = function(_, ...)
    logged[#logged + 1] = table.concat({ ... })
  end,
  print = function(lines) printed = table.concat(lines) end,
}

local function equal(got, wanted)
  if got ~= wanted then
    error("got " .. tostring(got) .. ", not " .. tostring(wanted), 2)
  end
end

-- Returns the values of all samples by their names and labels.
local function samples(prometheus)
  local found = {}
  for _, line in ipairs(prometheus:metric_data()) do
    local key, value = line:match("^([^#].*) (%S+)\n$")
    if key then
      equal(found[key], nil)
      found[key] = tonumber(value)
    end
  end
  return found
end

local tests = {}

function tests.counters(p)
  local plain, labelled = p:counter("c", "C"), p:counter("d", nil, { "f2", "f1" })
  plain:inc()
  plain:inc(4)
  plain:inc(0.5)
  labelled:inc(1, { "v2", "v1" })
  labelled:inc(3, { "v2", "v1" })
  labelled:inc(nil, { "v1", "v2" })
  local found = samples(p)
  equal(found.c, 5.5)
  equal(found['d{f2="v2",f1="v1"}'], 4)
  equal(found['d{f2="v1",f1="v2"}'], 1)
  equal(#logged, 0)
end

function tests.gauges(p)
  local plain, labelled = p:gauge("g", "G"), p:gauge("h", "H", { "state" })
  equal(samples(p).g, nil)
  plain:set(7)
  plain:inc()
  plain:inc(-2.5)
  -- nginx's variables are text.
  labelled:set("12", { "reading" })
  labelled:set(0, { "writing" })
  local found = samples(p)
  equal(found.g, 5.5)
  equal(found['h{state="reading"}'], 12)
  equal(found['h{state="writing"}'], 0)
end

function tests.histograms(p)
  local default, own = p:histogram("l", "L"), p:histogram("m", "M", { "site" }, { 1, 2.5, 100000 })
  default:observe(0.35)
  default:observe(0.4)
  for _, value in ipairs({ 1, 2, 3, 1e9 }) do own:observe(value, { "x" }) end
  local found = samples(p)
  equal(found['l_bucket{le="0.3"}'], 0)
  equal(found['l_bucket{le="0.4"}'], 2)
  equal(found['l_bucket{le="10"}'], 2)
  equal(found['l_bucket{le="+Inf"}'], 2)
  equal(found.l_count, 2)
  equal(found.l_sum, 0.75)
  equal(found['m_bucket{site="x",le="1"}'], 1)
  equal(found['m_bucket{site="x",le="2.5"}'], 2)
  equal(found['m_bucket{site="x",le="100000"}'], 3)
  equal(found['m_bucket{site="x",le="+Inf"}'], 4)
  equal(found['m_sum{site="x"}'], 1000000006)
end

function tests.bounds_may_be_given_in_any_order(p)
  p:histogram("h", nil, nil, { 2, 1, 2, math.huge }):observe(1.5)
  local found = samples(p)
  equal(found['h_bucket{le="1"}'], 0)
  equal(found['h_bucket{le="2"}'], 1)
  equal(found['h_bucket{le="+Inf"}'], 1)
end

function tests.label_values_of_any_kind(p)
  local c = p:counter("c", nil, { "a", "b", "c", "d" })
  c:inc(1, { 0, 15.5, true, "" })
  c:inc(1, { "0", "15.5", "true", "" })
  c:inc(1, { '"', "\n", "\\", "\195\164" })
  c:inc(1, { 0 / 0, math.huge, false, 1e100 })
  local found = samples(p)
  equal(found['c{a="0",b="15.5",c="true",d=""}'], 2)
  equal(found['c{a="nan",b="inf",c="false",d="1e+100"}'], 1)
  equal(found['c{a="\\"",b="\\n",c="\\\\",d="\195\164"}'], 1)
end

function tests.label_values_are_cut_where_they_are_not_text(p)
  local c = p:counter("c", nil, { "v" })
  for _, rest in ipairs({ "\255no", "\0no", "\195", "\224\128\128", "\237\160\128",
                          "\244\144\128\128" }) do
    c:inc(1, { "ok" .. rest })
  end
  c:inc(1, { ("x"):rep(2047) .. "\195\164" })
  local found = samples(p)
  equal(found['c{v="ok"}'], 6)
  equal(found['c{v="' .. ("x"):rep(2047) .. '"}'], 1)
  equal(#logged, 0)
end

function tests.wrong_labels_are_errors_and_count_nothing(p)
  local plain, labelled = p:counter("c"), p:counter("d", nil, { "f2", "f1" })
  local gauge, histogram = p:gauge("g", nil, { "x" }), p:histogram("h", nil, { "x", "y" })
  plain:inc(1, { "none" })
  labelled:inc(1, { "few" })
  labelled:inc(1)
  labelled:inc(1, { "1", "2", "3" })
  gauge:set(1)
  histogram:observe(1, { nil, "label" })
  histogram:observe(1, { "label", nil })
  gauge:del()
  local found = samples(p)
  equal(found.c, 0)
  equal(#logged, 8)
  equal(found.nginx_metric_errors_total, 8)
  equal(logged[2], "incorrect label count for metric d, expected 2, got 1 (<few>)")
end

-- Values that are found again take another way than new ones.
function tests.wrong_labels_are_errors_beside_known_ones(p)
  local c = p:counter("c", nil, { "a", "b" })
  c:inc(1, { "1", "2" })
  c:inc(1, { "1", "2", "3" })
  c:inc(1, { "1" })
  c:inc(1, {})
  equal(#logged, 3)
  equal(samples(p)['c{a="1",b="2"}'], 1)
end

function tests.wrong_values_are_errors(p)
  local c, g, h = p:counter("c"), p:gauge("g"), p:histogram("h")
  c:inc(-5)
  c:inc("many")
  c:inc(0 / 0)
  g:set()
  g:set("low")
  h:observe()
  equal(#logged, 6)
  equal(logged[1], "Error while setting 'c' to '-5': 'Value should not be negative'")
  equal(logged[4], "No value passed for g")
  equal(samples(p).nginx_metric_errors_total, 6)
  equal(samples(p).c, 0)
end

function tests.wrong_names_are_errors(p)
  equal(p:counter("1x"), nil)
  equal(p:counter("x", nil, { "a-b" }), nil)
  equal(p:histogram("x", nil, { "le" }), nil)
  equal(#logged, 3)
end

function tests.names_are_taken_once(p)
  p:counter("c")
  p:histogram("h")
  p:counter("i_sum")
  for _, name in ipairs({ "c", "h", "h_count", "h_sum", "h_bucket" }) do
    equal(p:counter(name), nil)
  end
  equal(p:gauge("c"), nil)
  equal(p:histogram("i"), nil)
  equal(#logged, 7)
  assert(p:gauge("c_count"))
end

function tests.del_takes_one_series_away_and_reset_all(p)
  local c, g = p:counter("c", nil, { "x" }), p:gauge("g", nil, { "x" })
  local h = p:histogram("h", nil, { "x" })
  for _, value in ipairs({ "1", "2" }) do
    c:inc(3, { value })
    g:set(3, { value })
    h:observe(3, { value })
  end
  c:del({ "1" })
  g:del({ "1" })
  local found = samples(p)
  equal(found['c{x="1"}'], nil)
  equal(found['c{x="2"}'], 3)
  equal(found['g{x="1"}'], nil)
  equal(found['g{x="2"}'], 3)
  c:reset()
  g:reset()
  h:reset()
  for key in pairs(samples(p)) do equal(key, "nginx_metric_errors_total") end
  c:inc(1, { "1" })
  g:inc(1, { "2" })
  h:observe(1, { "2" })
  found = samples(p)
  equal(found['c{x="1"}'], 1)
  equal(found['g{x="2"}'], 1)
  equal(found['h_count{x="2"}'], 1)
  equal(#logged, 0)
end

function tests.start_over_has_all_begin_at_zero(p)
  local c = p:counter("c")
  c:inc(5)
  p:start_over()
  c:inc()
  p:poll()
  c:inc()
  equal(#logged, 0)
  assert(samples(p).c <= 2)
end

function tests.more_series_than_there_may_be_share_one(_, options)
  options.most_series = 3
  local p = percpud.init("dict", options)
  local c = p:counter("c", nil, { "x" })
  for _ = 1, 3 do
    for i = 1, 10 do c:inc(1, { i }) end
  end
  c:inc(1)
  local found = samples(p)
  for i = 1, 3 do equal(found['c{x="' .. i .. '"}'], 3) end
  equal(found['c{x="overflow"}'], 21)
  equal(found['c{x="4"}'], nil)
  equal(#logged, 2)
  assert(logged[1]:find("the family is full", 1, true), logged[1])
end

function tests.compiled_updates_are_exact(p)
  local c, d = p:counter("c", nil, { "x", "y" }), p:counter("d")
  local h = p:histogram("h", nil, { "x" }, { 1 })
  local g = p:gauge("g", nil, { "a", "b", "c" })
  local values, one, three = { "1", "2" }, { "1" }, { "1", "2", "3" }
  for i = 1, 20000 do
    c:inc(1, values)
    d:inc()
    h:observe(i % 2 + 0.5, one)
    g:inc(i % 2 == 0 and 1 or -2, three)
    if i % 1000 == 0 then c:inc(1, { "new", i }) end
  end
  local found = samples(p)
  equal(found['c{x="1",y="2"}'], 20000)
  equal(found['c{x="new",y="7000"}'], 1)
  equal(found.d, 20000)
  equal(found['h_bucket{x="1",le="1"}'], 10000)
  equal(found['h_count{x="1"}'], 20000)
  equal(found['h_sum{x="1"}'], 20000)
  equal(found['g{a="1",b="2",c="3"}'], -10000)
end

function tests.values_are_shown_in_full(p)
  local g = p:gauge("g", nil, { "x" })
  local wanted = { 0.1, 0.1 + 0.2, 1e300, -7, 2 ^ 53 + 2, 123456789.125, math.huge, -math.huge }
  for i, value in ipairs(wanted) do g:set(value, { i }) end
  g:set(0 / 0, { "nan" })
  local text = table.concat(p:metric_data())
  for i, value in ipairs(wanted) do
    local shown = text:match('g{x="' .. i .. '"} (%S+)\n'):gsub("Inf", "inf")
    equal(tonumber(shown), value)
  end
  assert(text:find('g{x="nan"} NaN\n', 1, true))
end

function tests.collect_answers_with_text(p)
  p:counter("c", "Two\nlines, and a \\."):inc()
  p:collect()
  local wanted = "# HELP c Two\\nlines, and a \\\\.\n# TYPE c counter\nc 1\n"
  assert(printed:find(wanted, 1, true), printed)
  equal(ngx.header.content_type, "text/plain; version=0.0.4")
end

function tests.a_prefix_and_another_name_of_the_errors(_, options)
  for _, prefixed in ipairs({ true, false }) do
    options.prefix, options.error_metric_name = "app_", "mistakes"
    local p = prefixed and percpud.init("dict", options) or percpud.init("dict", "locks", options)
    p:counter("c"):inc()
  end
  local found = samples(percpud.init("dict", options))
  equal(found.app_c, 2)
  equal(found.app_mistakes, 0)
end

function tests.two_registries_of_one_dictionary_are_one(p, options)
  p:counter("c"):inc()
  percpud.init("dict", options):counter("c"):inc()
  equal(samples(p).c, 2)
end

function tests.another_shape_counts_locally_and_says_so(_, options)
  local first = percpud.init("dict", options)
  first:histogram("h", nil, nil, { 1 }):observe(0.5)
  local second = percpud.init("dict", options)
  second:histogram("h", nil, nil, { 2 }):observe(0.5)
  equal(#logged, 1)
  assert(logged[1]:find("^percpud: metrics may be local to this process: .*h"), logged[1])
  equal(samples(first)['h_bucket{le="1"}'], 1)
end

function tests.nothing_works_before_init()
  equal(percpud:counter("c"), nil)
  equal(percpud:gauge("c"), nil)
  equal(percpud:histogram("c"), nil)
  equal(percpud:metric_data(), nil)
  equal(#logged, 4)
end

function tests.init_belongs_to_the_start(_, options)
  ngx.get_phase = function() return "content" end
  local worked = pcall(percpud.init, "dict", options)
  ngx.get_phase = nil
  equal(worked, false)
end

local failed = 0
for name, test in pairs(tests) do
  logged, printed = {}, nil
  local options = { namespace = arg[1] .. name, open_wait_ms = 5000 }
  local function run() test(percpud.init("dict", options), options) end
  local good, what = xpcall(run, debug.traceback)
  if not good then
    failed = failed + 1
    print(name .. ": " .. what, table.concat(logged, "\n"))
  end
end
os.exit(failed == 0 and 0 or 1)
