local articles = {}

local function loadArticles(n)
  for i = 1, n do
    articles[i] = { id = i, name = ("article %d"):format(i), price = i * 37 % 9000 + 100, group = i % 7,
      stock = i * 13 % 200, supplier = i % 40 }
  end
end

local function discountOf(article)
  local percent = article.group == 3 and 10 or 0
  return article.price * percent // 100
end

local function discountOfAll()
  local sum = 0
  for _, article in ipairs(articles) do sum = sum + discountOf(article) end
  lab.counter("articles_seen_total"):add(#articles)
  return sum
end

return {
  params = { articles = { 600, "in the shop" } },
  limits = { memory = "300MB" },
  enter = function(self) loadArticles(self.params.articles) end,
  request = function()
    local sum = discountOfAll()
    return ("discounts of %d.%02d EUR\n"):format(sum // 100, sum % 100)
  end,
}
