return { class = "leak.task", where = "checkBasket", evidence = { "goroutineleak" } }
