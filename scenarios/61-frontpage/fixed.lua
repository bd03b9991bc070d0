local WIDTH = 48 -- letters in a line of a column

local stories -- what the newsroom has written
local page -- the front page, as readers get it
local expires = 0 -- when it is too old
local making = lab.mutex("page") -- one makes it, the others wait for that one

local function writeStories(n)
  local list, text = {}, ("the mayor has said that it was about time "):rep(40)
  for i = 1, n do list[i] = { title = "Story " .. i, text = text } end
  return list
end

local function askStories(seconds)
  lab.sleep(seconds) -- the newsroom's database
  return stories
end

local function layOutPage(list)
  local lines = {}
  for _, story in ipairs(list) do
    lines[#lines + 1] = "<h2>" .. story.title .. "</h2>"
    local used, words = 0, 0
    for word in story.text:gmatch("%S+") do
      if used + #word > WIDTH then
        lines[#lines + 1] = words .. " words<br>"
        used, words = 0, 0
      end
      used, words = used + #word + 1, words + 1
    end
  end
  lab.counter("pages_made_total"):add()
  return table.concat(lines, "\n")
end

local function frontPage(seconds, keep)
  if lab.now() >= expires then
    making:lock()
    if lab.now() >= expires then
      page = layOutPage(askStories(seconds))
      expires = lab.now() + keep
    end
    making:unlock()
  end
  lab.counter("pages_shown_total"):add()
  return page
end

-- How many stories can be laid out in 25 ms on this machine.
local function calibrate()
  local list, began, n = writeStories(5), lab.cpu_time(), 0
  repeat
    layOutPage(list)
    n = n + #list
  until lab.cpu_time() - began >= 0.02
  return math.ceil(n * 0.025 / (lab.cpu_time() - began))
end

return {
  params = {
    stories = { 0, "on the page; 0 = as many as can be laid out in 25 ms here" },
    keep = { 1, "seconds for which a page is good" },
    seconds = { 0.1, "until the database has answered" },
  },
  limits = { memory = "300MB" },
  enter = function(self)
    local p = self.params
    stories = writeStories(p.stories > 0 and p.stories or calibrate())
  end,
  request = function(self)
    local text = frontPage(self.params.seconds, self.params.keep)
    return #text .. " letters\n"
  end,
}
