return { class = "wait.pool", where = "loadCustomer", evidence = { "wall" }, code = "class.family" }
