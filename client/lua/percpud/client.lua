-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Namespaces at a daemon.
--
-- The library tells through a callback what keeps counts local. A callback may not be
-- reached from compiled code, so functions that may cause one are left to the interpreter.

local ffi = require("ffi")
local library = require("percpud.library")
local log = require("percpud.log")

local NO_DAEMON = 1

-- A namespace at a daemon. It is polled by one timer, however many ask for it.
local Client = {}
Client.__index = Client
-- By address and namespace. The metrics of what init() returns may be used for as long as
-- this Lua state lives.
local clients = {}

-- Ends the client when its Lua state ends, which sends what was counted locally.
local function close(handle)
  library.percpud_on_notice(handle, nil, nil)
  library.percpud_close(handle)
end

function Client.open(address, name_space, open_wait_ms)
  local key = tostring(address) .. "\n" .. name_space
  if clients[key] then return clients[key] end
  local options = ffi.new("percpud_options")
  options.size = ffi.sizeof(options)
  options.address, options.name_space, options.open_wait_ms = address, name_space, open_wait_ms
  local handle = library.percpud_open_as(options)
  if handle == nil then error("percpud: out of memory", 3) end
  local self = setmetatable({ handle = ffi.gc(handle, close), notices = {} }, Client)
  self.callback = ffi.cast("percpud_notice_fn", function(_, notice, text)
    self.notices[#self.notices + 1] = { notice, ffi.string(text) }
  end)
  library.percpud_on_notice(handle, self.callback, nil)
  clients[key] = self
  return self
end
jit.off(Client.open)

-- Logs what the library has told. A missing daemon is missing for all workers: one says so.
function Client:tell()
  if #self.notices == 0 then return end
  local notices = self.notices
  self.notices = {}
  local worker = _G.ngx and _G.ngx.worker and _G.ngx.worker.id()
  for _, notice in ipairs(notices) do
    if notice[1] ~= NO_DAEMON or not worker or worker == 0 then
      log("percpud: metrics may be local to this process: ", notice[2])
    end
  end
end

-- Returns whether everything is shared.
function Client:poll()
  local all = library.percpud_poll(self.handle) == 1
  self:tell()
  return all
end
jit.off(Client.poll)

-- Returns why a request has failed.
function Client:reason()
  local room = 512
  local text = ffi.new("char[?]", room)
  library.percpud_reason(self.handle, text, room)
  return ffi.string(text)
end

return Client
