-- SPDX-License-Identifier: MIT
-- What to do on this machine about a tool that is missing or not allowed to work.
--
-- remedy.lua(host) -> remedy
-- remedy.machine -> host.machine() with system ("Debian GNU/Linux 12 (bookworm)"),
--   debian (is it one, or made of it?), container (is this one?), root (is this root?)
-- remedy.place() -> the machine in a few words
-- remedy.install(package) -> the command that installs it
-- remedy.sysctl(setting, flag) -> the command that changes a setting of the kernel, or
--   where FLAG allows the same in a container
-- remedy.number(path) -> the number in a file of the kernel's, or nil

local host = ...
local remedy = {}

-- ---- the machine -----------------------------------------------------------------

local function readSystem()
  local text = host.read("/etc/os-release") or ""
  local function field(name)
    local value = ("\n" .. text):match("\n" .. name .. "=([^\n]*)")
    return value and value:match('^"(.*)"$') or value or ""
  end
  local family = (" %s %s "):format(field("ID"), field("ID_LIKE"))
  local function isOf(name) return family:find(" " .. name .. " ", 1, true) ~= nil end
  return field("PRETTY_NAME"), isOf "debian" or isOf "ubuntu", isOf "ubuntu"
end

local function isContainer()
  if host.exists("/.dockerenv") or host.exists("/run/.containerenv") then return true end
  if host.exists("/run/systemd/container") then return true end
  local groups = host.read("/proc/1/cgroup") or ""
  return (groups:find("docker") or groups:find("kubepods") or groups:find("containerd") or groups:find("/lxc")) ~= nil
end

remedy.machine = host.machine()
local isUbuntu
remedy.machine.system, remedy.machine.debian, isUbuntu = readSystem()
remedy.machine.container = isContainer()
remedy.machine.root = remedy.machine.user == 0

function remedy.place()
  local m = remedy.machine
  return ("%s, %s %s%s%s"):format(m.system ~= "" and m.system or "unknown system", m.kernel, m.machine,
    m.container and ", in a container" or "", m.root and ", as root" or "")
end

-- ---- what to do ------------------------------------------------------------------

local function asRoot(command)
  return (remedy.machine.root and "" or "sudo ") .. command
end

-- What Ubuntu calls otherwise.
local UBUNTU = { ["linux-perf"] = "linux-tools-generic", chromium = "chromium-browser" }

-- An image of a container has no lists of packages, and apt-get installs nothing then.
local function hasLists()
  for _, name in ipairs(host.scan("/var/lib/apt/lists") or {}) do
    if name:find("_Packages", 1, true) then return true end
  end
  return false
end

function remedy.install(package)
  if not remedy.machine.debian then return ("install what Debian calls %s"):format(package) end
  local name = isUbuntu and UBUNTU[package] or package
  return (hasLists() and "" or asRoot("apt-get update && ")) .. asRoot("apt-get install " .. name)
end

function remedy.sysctl(setting, flag)
  if not remedy.machine.container then return asRoot("sysctl " .. setting) end
  return ("on the container's host: sudo sysctl %s%s"):format(setting,
    flag and (", or start the container with %s"):format(flag) or "")
end

function remedy.number(path)
  return math.tointeger(tonumber((host.read(path) or ""):match("^%-?%d+")))
end

return remedy
