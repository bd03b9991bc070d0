return { class = "leak.socket", where = "serveTerminals", evidence = { "lab.OpenFiles" } }
