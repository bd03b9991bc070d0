return { class = "cpu.hot", where = "isSearched", class2 = "wait.lock", where2 = "noteGiven", code = "second" }
