return { class = "memory.retained", where = "noteUpload", evidence = { "heap" }, code = "class.family" }
