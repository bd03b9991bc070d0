return { class = "wait.dependency", where = "listInvoices", evidence = { "metrics" } }
