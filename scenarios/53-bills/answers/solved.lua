return { class = "cpu.syscall", where = "formatDay", evidence = { "wall" } }
