return { class = "leak.child", where = "printPage", evidence = { "metrics" } }
