return { class = "leak.connection", where = "serveTerminals", code = "answer.class" }
