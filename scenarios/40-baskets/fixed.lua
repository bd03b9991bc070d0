local STOCK = { apples = 40, bread = 12, butter = 7, cheese = 9, eggs = 60, lemons = 0, milk = 25, rice = 31 }
local BASKET = { "apples", "bread", "lemons", "butter", "cheese", "eggs", "milk", "rice" }

local function lookUp(article, answers)
  local left = STOCK[article]
  answers:send({ article = article, left = left })
end

-- Asks for all articles at once; the first one that is missing decides.
local function checkBasket(articles)
  local answers = lab.channel(#articles, "answers") -- there is room for all
  for _, article in ipairs(articles) do
    lab.go(function() lookUp(article, answers) end)
  end
  for _ = 1, #articles do
    local answer = answers:recv()
    if answer.left == 0 then return answer.article end
  end
  return nil
end

return {
  limits = { memory = "300MB" },
  request = function(_, req)
    local articles = {}
    for _, article in ipairs(BASKET) do
      if article ~= req.query.without then articles[#articles + 1] = article end
    end
    local missing = checkBasket(articles)
    lab.counter("baskets_checked_total"):add()
    return missing and ("sorry, there are no %s\n"):format(missing) or "all of it is there\n"
  end,
}
