return { class = "net.retry", where = "tickets.chargeCard", captures = { "goroutine" }, number = "20" }
