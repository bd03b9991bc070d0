-- SPDX-License-Identifier: MIT
local c = lab.channel()
return { channel = function() return c end }
