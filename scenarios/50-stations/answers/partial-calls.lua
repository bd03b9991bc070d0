return { class = "cpu.syscall", where = "nextLine", evidence = { "cpu" }, code = "class.other" }
