return { class = "memory.fragmented", where = "importPrices", evidence = { "metrics" } }
