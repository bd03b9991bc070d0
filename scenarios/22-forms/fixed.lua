local FIELDS = { "name", "date", "amount", "purpose", "signature" }

local template -- a scanned form

local function loadTemplate(size)
  template = lab.buffer(size + 512)
  assert(lab.copy_n(template, lab.prng(1), size))
end

local ROOM = 4096 -- for what is filled in

local function copyOf(form)
  local copy = lab.buffer(form:len() + ROOM)
  assert(copy:write(form:string()))
  return copy
end

local function fillForm(values)
  local form = copyOf(template)
  for i, field in ipairs(FIELDS) do
    assert(form:write(("%s=%s\n"):format(field, values[i])))
  end
  lab.counter("forms_filled_total"):add()
  return form
end

return {
  params = { size = { 4000000, "bytes of a form" } },
  limits = { memory = "500MB" },
  enter = function(self) loadTemplate(self.params.size) end,
  request = function(_, req)
    local form = fillForm { "Ann", "1 March", req.id, "books", "A. Smith" }
    return form:len() .. " bytes\n"
  end,
}
