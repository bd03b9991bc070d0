return { class = "net.idle", where = "rates.fetchRate", evidence = { "metrics" } }
