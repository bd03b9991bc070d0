return { class = "wait.pool", where = "findMember", evidence = { "metrics" } }
