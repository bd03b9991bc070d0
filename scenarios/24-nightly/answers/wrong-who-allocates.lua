return { class = "memory.retained", where = "receiveSales", code = "alloc_for_inuse" }
