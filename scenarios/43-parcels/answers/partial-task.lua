return { class = "leak.task", where = "printPage", evidence = { "metrics" }, code = "class.family" }
