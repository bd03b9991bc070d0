local SHIFTS = { "early", "late", "night", "-" }

local staff -- ward -> the names of those who work there

-- Most wards have few people, one in five has a hundred, and one in fifty is a house of its own.
local function sizeOf(ward, sizes)
  if ward % 50 == 7 then return sizes.large end
  return ward % 5 == 3 and sizes.middle or sizes.small
end

local function loadStaff(wards, sizes)
  staff = {}
  for ward = 1, wards do
    staff[ward] = {}
    for i = 1, sizeOf(ward, sizes) do staff[ward][i] = ("nurse %d of ward %d"):format(i, ward) end
  end
end

local function planPerson(name, number, days, line)
  line[1] = name
  for day = 1, days do line[day + 1] = SHIFTS[(number + day // 2) % #SHIFTS + 1] end
  return (table.concat(line, " "))
end

local function planWard(ward, days)
  local roster, line = {}, {} -- one line for all: it is a text before the next one begins
  for i, name in ipairs(staff[ward]) do roster[i] = planPerson(name, i + ward, days, line) end
  lab.counter("shifts_planned_total"):add(#roster * days)
  return table.concat(roster, "\n") .. "\n"
end

return {
  params = {
    wards = { 200, "of the hospital" },
    small = { 20, "people in most wards" },
    middle = { 100, "people in one ward of five" },
    large = { 3000, "people in one ward of fifty" },
    days = { 28, "in a roster" },
  },
  limits = { memory = "300MB" },
  enter = function(self) loadStaff(self.params.wards, self.params) end,
  request = function(self, req)
    local ward = ((tonumber(req.query.ward) or req.id) // 1 - 1) % #staff + 1
    local roster = lab.label("ward", tostring(ward), planWard, ward, self.params.days)
    return roster
  end,
}
