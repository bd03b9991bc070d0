return { class = "cpu.syscall", where = "finishPreview", evidence = { "cpu" }, code = "class.other" }
