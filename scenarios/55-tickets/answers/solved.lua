return { class = "net.retry", where = "chargeCard", evidence = { "metrics" } }
