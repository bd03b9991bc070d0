return { class = "leak.child", where = "formatDay", evidence = { "metrics" }, code = "class.other" }
