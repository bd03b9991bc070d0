return { class = "cpu.syscall", where = "bills.formatDay", evidence = { "metrics" } }
