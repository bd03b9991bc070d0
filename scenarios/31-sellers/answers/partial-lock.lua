return { class = "wait.lock", where = "creditSeller", evidence = { "mutex" }, code = "class.family" }
