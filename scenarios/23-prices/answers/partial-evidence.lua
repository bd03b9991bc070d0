return { class = "memory.fragmented", where = "importPrices", evidence = { "heap" }, code = "evidence.healthy_too" }
