-- Without a code: it is cpu_for_wall, or class.other where other programs keep the processors busy.
return { class = "cpu.hot", where = "listInvoices", evidence = { "wall" } }
