return { class = "memory.fragmented", where = "readLine", code = "where.callee" }
