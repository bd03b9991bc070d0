return { class = "wait.dependency", where = "loadCustomer", captures = { "goroutine" }, number = "51" }
