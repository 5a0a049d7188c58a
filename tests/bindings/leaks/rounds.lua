-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- usage: luajit rounds.lua ROUNDS
--
-- All that the module does, again and again. What a round has made is dropped at its end.

local percpud = require("percpud")

ngx = { ERR = 4, header = {}, log = function() end, print = function() end }

local function count()
  local p = percpud.init({ namespace = "leaks", prefix = "app_", open_wait_ms = 5000 })
  local hits = p:counter("hits", "Hits.", { "page" })
  hits:inc(2, { "a" })
  hits:inc(nil, { "b" })
  hits:del({ "b" })
  local load = p:gauge("load", "Load.")
  load:set(3)
  load:inc(-1)
  local seconds = p:histogram("seconds", "Seconds.", { "page" }, { 1, 2 })
  seconds:observe(1.5, { "a" })
  hits:inc("1", { "a" })
  hits:inc(1, {})
  p:collect()
  hits:reset()
  seconds:reset()
end

for _ = 1, tonumber(arg[1]) do
  count()
  collectgarbage()
end
