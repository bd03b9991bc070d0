return { class = "wait.lock", where = "changeTariff", evidence = { "mutex" } }
