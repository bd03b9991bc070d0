return { class = "memory.churn", where = "importPrices", code = "class.family" }
