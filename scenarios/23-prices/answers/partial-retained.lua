return { class = "memory.retained", where = "importPrices", code = "alloc_for_inuse" }
