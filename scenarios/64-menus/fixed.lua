local KEEP = 5 -- menus that can be printed once more

local register, where -- a client, and where the register of dishes is
local menus, order = {}, {} -- the menus by their numbers; the numbers, the oldest first

local function startRegister(seconds)
  local server = assert(lab.listen("127.0.0.1:0", function(req)
    lab.counter("lookups_total"):add()
    lab.sleep(seconds)
    return "nuts, milk: see " .. req.path
  end))
  register, where = lab.http.client { size = 8, name = "register" }, "http://" .. server:address()
end

local function notesFor(n)
  local answer = assert(register:get(("%s/dishes/%d"):format(where, n)))
  local notes = {}
  for i = 1, n do notes[i] = answer.body:gsub("/dishes/%d+", "/dish/" .. i) end
  return notes
end

local function collectDishes(n)
  local dishes, notes = {}, notesFor(n)
  for i = 1, n do dishes[i] = { name = "dish of the day " .. i, notes = notes[i] } end
  return dishes
end

-- A card for each table.
local function layOut(number, dishes, tables)
  local lines = { ("menu %d"):format(number) }
  for _, dish in ipairs(dishes) do lines[#lines + 1] = ("%-40s%s"):format(dish.name, dish.notes) end
  return (table.concat(lines, "\n") .. "\f"):rep(tables)
end

local function printMenu(number, dishes, tables)
  menus[number] = layOut(number, dishes, tables)
  order[#order + 1] = number
  if #order > KEEP then
    menus[order[1]] = nil
    table.remove(order, 1)
  end
  lab.counter("menus_total"):add()
end

-- How many of those that are to be kept can be printed once more?
local function countReady()
  local n = 0
  for _ in pairs(menus) do n = n + 1 end
  lab.counter("menus_ready_total"):add(math.min(n, KEEP))
end

return {
  params = {
    dishes = { 25, "on a menu" },
    tables = { 120, "that get a card" },
    seconds = { 0.006, "that the register takes" },
  },
  limits = { memory = "500MB" },
  enter = function(self) startRegister(self.params.seconds) end,
  request = function(self, req)
    local p = self.params
    local dishes = collectDishes(p.dishes)
    printMenu(req.id, dishes, p.tables)
    countReady()
    return ("menu %d is in the printer\n"):format(req.id)
  end,
  routes = {
    ["/again"] = function(_, req)
      local menu = menus[tonumber(req.query.menu)]
      if not menu then return "that one is not kept any more\n", 404 end
      return menu:match("^[^\f]*") .. "\n"
    end,
  },
}
