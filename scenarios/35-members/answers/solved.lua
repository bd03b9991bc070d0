return { class = "wait.pool", where = "findMember", evidence = { "db.InUse" } }
