local page -- the front page, as readers get it
local expires = 0 -- when it is too old
local size -- how many stories there are

local function askStories(n, seconds)
  lab.sleep(seconds) -- the newsroom's database
  local stories = {}
  for i = 1, n do stories[i] = { title = "Story " .. i, text = ("word "):rep(8), readers = i * 7919 % 10007 } end
  return stories
end

local function layOutPage(stories)
  table.sort(stories, function(a, b) return a.readers > b.readers end)
  local parts = {}
  for i, story in ipairs(stories) do
    local text = story.text:gsub("%a+", string.upper, 1)
    parts[i] = ("<h2>%s</h2><p>%s</p>\n"):format(story.title, text)
  end
  lab.counter("pages_made_total"):add()
  return table.concat(parts)
end

local function frontPage(seconds, keep)
  if lab.now() >= expires then
    page = layOutPage(askStories(size, seconds))
    expires = lab.now() + keep
  end
  lab.counter("pages_shown_total"):add()
  return page
end

-- How many stories this machine can lay out in 25 ms.
local function calibrate()
  local stories = askStories(500, 0)
  local began = lab.cpu_time()
  layOutPage(stories)
  return math.ceil(500 * 0.025 / (lab.cpu_time() - began))
end

return {
  params = {
    stories = { 0, "on the page; 0 = as many as can be laid out in 25 ms here" },
    keep = { 1, "seconds for which a page is good" },
    seconds = { 0.02, "until the database has answered" },
  },
  limits = { memory = "500MB" },
  enter = function(self)
    size = self.params.stories > 0 and self.params.stories or calibrate()
  end,
  request = function(self)
    local text = frontPage(self.params.seconds, self.params.keep)
    return text:sub(1, 500)
  end,
}
