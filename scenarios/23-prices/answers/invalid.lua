return { class = "memory.holes", where = "importPrices", code = "answer.class" }
