return { class = "net.idle", where = "serveTerminals", evidence = { "lab.OpenFiles" }, code = "class.other" }
