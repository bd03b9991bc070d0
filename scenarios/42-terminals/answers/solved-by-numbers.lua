return { class = "leak.socket", where = "terminals.serveTerminals", evidence = { "metrics" } }
