return { class = "io.sync", where = "transfers.bookLine", captures = { "wall" }, number = "12" }
