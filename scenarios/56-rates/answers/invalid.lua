return { class = "net.open", where = "fetchRate", code = "answer.class" }
