return { class = "memory.leak", where = "allocateMemory" }
