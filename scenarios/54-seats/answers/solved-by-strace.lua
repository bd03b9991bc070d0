return { class = "net.nagle", where = "seats.askSeat", captures = { "wall" }, number = "40ms" }
