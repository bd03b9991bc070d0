return { class = "leak.socket", where = "findMember", evidence = { "db.InUse" }, code = "class.other" }
