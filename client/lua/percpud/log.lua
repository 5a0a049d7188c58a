-- Copyright 2026 The percpud Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- A line in nginx's error log, or on standard error where there is no nginx.

return function(...)
  local nginx = _G.ngx
  if nginx then
    nginx.log(nginx.ERR, ...)
  else
    local line = {}
    for i = 1, select("#", ...) do line[i] = tostring((select(i, ...))) end
    io.stderr:write(table.concat(line), "\n")
  end
end
