return { class = "wait.dependency", where = "changeTariff", evidence = { "mutex" }, code = "class.family" }
