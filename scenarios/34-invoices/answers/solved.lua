return { class = "wait.dependency", where = "loadCustomer", evidence = { "wall" } }
