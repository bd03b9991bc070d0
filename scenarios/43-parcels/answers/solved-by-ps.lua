return { class = "leak.child", where = "parcels.printPage", captures = { "goroutine" }, number = "2" }
