return { class = "memory.pinned", where = "noteUpload", evidence = { "heap" } }
