return { class = "cpu.hot", where = "isSearched", class2 = "wait.dependency", where2 = "noteGiven",
  class3 = "wait.lock", where3 = "sendGiven", code = "rank" }
