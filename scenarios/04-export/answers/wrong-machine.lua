return { class = "cpu.syscall", where = "lab_random_read", code = "where.machinery" }
