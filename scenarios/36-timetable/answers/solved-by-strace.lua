return { class = "wait.loop", where = "readPlan", captures = { "goroutine" }, number = "21ms" }
