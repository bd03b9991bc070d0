return { class = "tail.slow_path", where = "loadInvoices", evidence = { "wall" } }
