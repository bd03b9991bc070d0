-- SPDX-License-Identifier: MIT
-- Rules on the whole: modules without circles, few circles within a module,
-- and private parts of structs.
--
-- The files of a module have a best order: the one in which the fewest of their
-- uses of each other point back, to a file that stands later. What points
-- back closes a circle: files that can only be understood together.
--
-- What is private to a module: its headers called *_internal.h, and the fields
-- of a struct in any header that stand below a line that begins "/* Private".
-- (Fields are known by their names only, so this works for names that no other
-- struct has.)
local MOST_BACK = 5

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The strongly connected components of NODES, sorted names (Tarjan): a node
-- comes after the components that it uses.
local function find_components(nodes, edges)
  local index, low, on_stack, stack, components, count = {}, {}, {}, {}, {}, 0
  local function visit(v)
    count = count + 1
    index[v], low[v], on_stack[v] = count, count, true
    stack[#stack + 1] = v
    for _, w in ipairs(nodes) do
      if edges[v][w] then
        if not index[w] then
          visit(w)
          low[v] = math.min(low[v], low[w])
        elseif on_stack[w] then
          low[v] = math.min(low[v], index[w])
        end
      end
    end
    if low[v] == index[v] then
      local component = {}
      repeat
        local w = table.remove(stack)
        on_stack[w] = false
        component[#component + 1] = w
      until w == v
      table.sort(component)
      components[#components + 1] = component
    end
  end
  for _, v in ipairs(nodes) do
    if not index[v] then visit(v) end
  end
  return components
end

local function count_back(order, edges)
  local back = 0
  for i = 1, #order do
    for j = i + 1, #order do
      if edges[order[i]][order[j]] then back = back + 1 end
    end
  end
  return back
end

-- Moves each node to where the fewest edges point back, until no move helps.
-- Users come after what they use.
local function improve_order(order, edges)
  local better
  repeat
    better = false
    for i = 1, #order do
      local v, best, best_at, gain = order[i], 0, i, 0
      for j = i - 1, 1, -1 do -- V before order[j]
        local w = order[j]
        gain = gain + (edges[w][v] and 1 or 0) - (edges[v][w] and 1 or 0)
        if gain > best then best, best_at = gain, j end
      end
      gain = 0
      for j = i + 1, #order do -- V after order[j]
        local w = order[j]
        gain = gain + (edges[v][w] and 1 or 0) - (edges[w][v] and 1 or 0)
        if gain > best then best, best_at = gain, j end
      end
      if best > 0 then
        table.remove(order, i)
        table.insert(order, best_at, v)
        better = true
      end
    end
  until not better
  return order
end

-- A local search from several orders, the same ones every time.
local function find_best_order(component, edges)
  local best, least, seed = nil, math.huge, 1
  for _ = 1, #component > 2 and 40 or 1 do
    local order = table.move(component, 1, #component, 1, {})
    improve_order(order, edges)
    local back = count_back(order, edges)
    if back < least then best, least = order, back end
    for i = #component, 2, -1 do
      seed = (seed * 1103515245 + 12345) % 2147483648
      local j = seed // 65536 % i + 1
      component[i], component[j] = component[j], component[i]
    end
  end
  return best
end

-- The uses that point back in the best order: {from, to}.
local function find_back_edges(nodes, edges)
  local back, all = {}, 0
  for _, component in ipairs(find_components(nodes, edges)) do
    local order = find_best_order(component, edges)
    for i = 1, #order do
      for j = i + 1, #order do
        if edges[order[i]][order[j]] then
          back[#back + 1] = { from = order[i], to = order[j] }
        end
      end
    end
  end
  for _, v in ipairs(nodes) do
    for _, w in ipairs(nodes) do
      if edges[v][w] then all = all + 1 end
    end
  end
  return back, all
end

-- The shortest circle that an edge closes: "a -> b (symbol) -> a (symbol)".
local function name_circle(edge, nodes, edges)
  local before, queue, at = { [edge.to] = edge.from }, { edge.to }, 1
  while not before[edge.from] do
    local v = queue[at]
    at = at + 1
    for _, w in ipairs(nodes) do
      if edges[v][w] and not before[w] then
        before[w] = v
        queue[#queue + 1] = w
      end
    end
  end
  local circle, w = "", edge.from
  repeat
    local v = before[w]
    circle = (" -> %s (%s)"):format(w:match "[^/]+$", edges[v][w].symbol) .. circle
    w = v
  until w == edge.from
  return edge.from:match "[^/]+$" .. circle
end

local function check_order(units, edges, report)
  local modules = {}
  for _, name in ipairs(sorted_keys(units)) do
    local module = units[name].module
    modules[module] = modules[module] or {}
    table.insert(modules[module], name)
  end
  for _, module in ipairs(sorted_keys(modules)) do
    local nodes = modules[module]
    local back, all = find_back_edges(nodes, edges)
    for _, edge in ipairs(#back > MOST_BACK and back or {}) do
      local use = edges[edge.from][edge.to]
      report("circles-in-module", use.path, use.line, 1, ("%d of the %d uses " ..
        "between files of src/%s point back, %d at most; break this circle: %s")
        :format(#back, all, module, MOST_BACK, name_circle(edge, nodes, edges)),
        "src/" .. module)
    end
  end
end

local function check_modules(units, edges, report)
  local between = {}
  for _, from in ipairs(sorted_keys(units)) do
    local module = units[from].module
    between[module] = between[module] or {}
    for _, to in ipairs(sorted_keys(edges[from])) do
      local other = units[to].module
      if other ~= module then
        between[module][other] = between[module][other] or edges[from][to]
      end
    end
  end
  local nodes = sorted_keys(between)
  for _, edge in ipairs((find_back_edges(nodes, between))) do
    local use = between[edge.from][edge.to]
    report("module-circle", use.path, use.line, 1, ("modules use each other in a " ..
      "circle: %s; let the lower one call back through a function pointer")
      :format(name_circle(edge, nodes, between)), edge.from .. " -> " .. edge.to)
  end
end

-- ---- private parts ----------------------------------------------------------

local function module_of(path) return path:match "^src/([^/]+)/" or "diaglab" end

-- [path] = the headers that a file sees, directly or through others.
local function find_visible(file, by_name, seen)
  seen = seen or {}
  for _, include in ipairs(file.includes) do
    local header = by_name[include.name]
    if header and not seen[header.path] then
      seen[header.path] = true
      find_visible(header, by_name, seen)
    end
  end
  return seen
end

-- Private fields whose name only one struct of the tree has: [name] = header.
local function find_private_fields(files)
  local owner, private = {}, {}
  for _, file in ipairs(files) do
    for i, struct in ipairs(file.structs) do
      for _, field in ipairs(struct.fields) do
        local id = file.path .. i
        owner[field.name] = (owner[field.name] or id) == id and id or "several"
        if field.private then private[field.name] = { file = file, struct = struct } end
      end
    end
  end
  for name in pairs(private) do
    if owner[name] == "several" then private[name] = nil end
  end
  return private
end

local function check_private(files, report)
  local sources, by_name = {}, {}
  for _, file in ipairs(files) do
    if file.lang == "c" and not file.path:match "^tests/" then
      sources[#sources + 1] = file
      by_name[file.path:gsub("^%w+/", "")] = file
    end
  end
  local private = find_private_fields(sources)
  for _, file in ipairs(sources) do
    for _, include in ipairs(file.includes) do
      local header = by_name[include.name]
      if header and header.path:match "_internal%.h$" and
        module_of(header.path) ~= module_of(file.path) then
        report("private-header", file.path, include.line, 1, ("%s is private to " ..
          "%s; call a function of its public headers instead")
          :format(include.name, module_of(header.path)))
      end
    end
    local sees, number = find_visible(file, by_name), 0
    for line in file.words:gmatch "([^\n]*)\n" do
      number = number + 1
      for name in line:gmatch "[>.]%s*([%a_][%w_]*)" do
        local p = private[name]
        if p and sees[p.file.path] and module_of(p.file.path) ~= module_of(file.path) then
          report("private-field", file.path, number, 1, ("%s is a private field of " ..
            "%s in %s; let that module have a function for what you need")
            :format(name, p.struct.name or "a struct", p.file.path))
        end
      end
    end
  end
end

return function(files, units, edges, report)
  check_order(units, edges, report)
  check_modules(units, edges, report)
  check_private(files, report)
end
