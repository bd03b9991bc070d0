return { class = "gc.pressure", where = "request" }
