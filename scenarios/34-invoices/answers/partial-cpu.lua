return { class = "cpu.hot", where = "listInvoices", evidence = { "wall" } }
