return { class = "wait.lock", where = "sendGiven", evidence = { "mutex" }, code = "second" }
