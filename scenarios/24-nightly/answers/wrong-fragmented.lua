return { class = "memory.fragmented", where = "closeDay", code = "class.other" }
