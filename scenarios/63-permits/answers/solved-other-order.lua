return { class = "wait.lock", where = "sendGiven", class2 = "cpu.hot", where2 = "permits.isSearched",
  evidence = { "cpu", "mutex" } }
