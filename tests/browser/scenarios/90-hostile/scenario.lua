-- SPDX-License-Identifier: MIT
-- Texts that a page mustn't read as HTML: test_page.lua looks at them.
return {
  title = "<img src=x onerror=alert(1)>",
  symptom = "</p><script>alert(2)</script> **bold** `code`",
  difficulty = 1,
  minutes = 1,
  params = { text = { '"><script>alert(3)</script>', "<b>meaning</b>" } },
  hints = { "<svg onload=alert(4)> What is it?" },
  request = function(self) return "<script>alert(5)</script>" .. self.params.text end,
}
