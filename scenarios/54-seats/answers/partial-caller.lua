return { class = "net.nagle", where = "findSeats", evidence = { "wall" }, code = "where.caller" }
