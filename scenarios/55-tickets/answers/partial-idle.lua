return { class = "net.idle", where = "chargeCard", evidence = { "metrics" }, code = "class.family" }
