-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Label values and help texts as the daemon takes them.

local byte, find, sub = string.byte, string.find, string.sub

-- Returns how many bytes the character at `at` has, or nil if it is not UTF-8.
local function character(text, at)
  local lead = byte(text, at)
  if lead < 0x80 then return lead > 0 and 1 or nil end
  if lead < 0xC2 or lead > 0xF4 then return nil end
  local bytes = lead < 0xE0 and 2 or lead < 0xF0 and 3 or 4
  local least = lead == 0xE0 and 0xA0 or lead == 0xF0 and 0x90 or 0x80
  local most = lead == 0xED and 0x9F or lead == 0xF4 and 0x8F or 0xBF
  for i = 1, bytes - 1 do
    local next_byte = byte(text, at + i)
    if not next_byte or next_byte < least or next_byte > most then return nil end
    least, most = 0x80, 0xBF
  end
  return bytes
end

-- Returns the value as text, cut before the first byte that is zero or not UTF-8, and to `most`.
local function clean(value, most)
  local text = tostring(value)
  if #text <= most and not find(text, "[%z\128-\255]") then return text end
  local at, size = 1, math.min(#text, most)
  while at <= size do
    local bytes = character(text, at)
    if not bytes or at + bytes - 1 > size then break end
    at = at + bytes
  end
  return sub(text, 1, at - 1)
end

return { clean = clean }
