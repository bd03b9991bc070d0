return { class = "leak.file", where = "serveTerminals", evidence = { "lab.OpenFiles" }, code = "class.family" }
