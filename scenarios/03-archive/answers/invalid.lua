return { class = "memory.retained", where = "" }
