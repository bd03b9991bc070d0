return { class = "wait.lock", where = "changeTariff", captures = { "goroutine" }, number = "41ms" }
