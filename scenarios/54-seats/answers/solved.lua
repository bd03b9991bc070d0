return { class = "net.nagle", where = "askSeat", evidence = { "wall" } }
